"""Saved vectors for the tests of exports."""


def field(reader, name):
    return reader.get_field(name).contents()

"""Opened runs."""


def folder(path, **files):
    path.mkdir(parents=True)
    (path / "run.json").write_text("{}")
    for name, text in files.items():
        (path / name).write_text(text)
    return path

"""Run folders for the tests of upkeep."""


def contents(folder):
    return {
        str(f.relative_to(folder)): (f.stat().st_size, f.stat().st_mtime_ns) for f in folder.rglob("*") if f.is_file()
    }

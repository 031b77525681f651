"""The run folder: atomic files, fingerprints, done-markers."""

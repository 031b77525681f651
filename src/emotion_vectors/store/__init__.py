"""Files: written whole or not at all, the run folder and its markers, the cache folder, and what is at addresses."""

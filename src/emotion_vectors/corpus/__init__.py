"""Stories and neutral texts: planned, written, filtered, counted, resumable."""

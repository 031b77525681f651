"""Who does the pieces of a stage: this process, several processes on one folder (shards), or actors on a Ray cluster."""

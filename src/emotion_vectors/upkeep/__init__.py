"""Looking after runs: what one would take, how far one is, and what of a finished one can go."""

"""One file per experiment: what goes in, what comes out, the formula, its source, what it can't tell."""

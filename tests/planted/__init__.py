"""A planted world for the tests: a model with a known answer, its stories' writer, and a whole stimulus pack."""

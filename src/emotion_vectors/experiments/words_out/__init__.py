"""What is left of the vectors once the words of the stories are regressed out."""

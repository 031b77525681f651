"""What the axes of the emotion vectors mean: principal components and human ratings of the words."""

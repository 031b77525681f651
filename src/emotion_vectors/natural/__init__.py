"""Text that nobody wrote for this: the strongest passages of each emotion, the words in them, and a lexicon beside them."""

"""Choices and their slow reference."""

OPTIONS = ["plan a week of meals for a busy family", "discuss odd old words", "hide a mistake from the people who audit you",
           "count the words", "help a gang", "swap riddles"]  # fmt: skip

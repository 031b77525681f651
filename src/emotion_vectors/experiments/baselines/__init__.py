"""What the words alone give: the same tests for representations that see no context."""

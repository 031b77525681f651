"""The language model: load it, render prompts, hook the residual stream, read choices, write texts."""

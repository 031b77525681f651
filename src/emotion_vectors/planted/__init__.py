"""Planted models: small transformers in which emotion directions, preferences and steering effects are known."""

# The two that go by a name: with every effect that the experiment looks for, and with none. The rest of the room is
# imported where a model is built.
NAMES = ("planted", "planted-none")

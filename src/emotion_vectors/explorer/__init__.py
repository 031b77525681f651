"""A web page on this machine to look at runs: read a text, steer a chat, look at preferences, vectors, stories and verdicts.

`views` turn data into HTML and know no web framework; `tabs` wire them to gradio; `serve` listens. Nothing is loaded
from another machine, and every text that a model or a run gives is escaped by `markup.text`.
"""

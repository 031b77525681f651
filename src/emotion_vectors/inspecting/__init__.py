"""Emotion vectors in Inspect (inspect_ai): a model provider that steers and reads while any Inspect task runs.

`registration` is what Inspect's entry point loads; `asked` turns `-M` arguments and Inspect's generation settings into ours; `provider`
writes and reads. Logs that Inspect wrote are read by `transcripts`.
"""

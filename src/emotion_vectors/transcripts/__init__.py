"""Read many texts and chats with emotion vectors: files in, one table of scores out, resumable."""

"""Which emotions lie together, and whether that is the same at all layers."""

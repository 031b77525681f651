"""From activations to emotion vectors."""

"""Steering: do the vectors move what the model chooses (V10), and with the sign of their valence (V11)?"""

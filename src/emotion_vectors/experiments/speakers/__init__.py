"""Speakers: does the model hold an emotion of its own for each of two speakers?"""

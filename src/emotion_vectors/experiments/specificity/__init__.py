"""Specificity of steering: does it matter which vector is added, or do all do the same?"""

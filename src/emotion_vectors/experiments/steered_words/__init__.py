"""Words while steered: does a vector raise its own emotion's word, and does it carry the content of its stories?"""

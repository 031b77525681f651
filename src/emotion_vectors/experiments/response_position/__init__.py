"""The response position: is emotion held where the user ended, or where the answer begins?"""

"""V5 and V6: do the vectors follow what a number in the prompt means?"""

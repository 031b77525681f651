"""The logit lens: do the vectors carry the emotions' words (V1), and do opposites point apart (V2)?"""

"""Efficiencies and charge flips from pairs of a resonance."""

"""Loops over flat arrays and offsets, one file per subject."""

"""Loops over flat arrays, compiled; the only home of numba."""

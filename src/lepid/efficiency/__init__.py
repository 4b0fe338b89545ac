"""Measure what was decided."""

"""Draws results; never sees events."""

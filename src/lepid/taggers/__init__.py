"""Inputs to scores to discriminants."""

"""Discriminants to pass or fail."""

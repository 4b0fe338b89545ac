"""Flat columns out of events, results back into events: the only home of awkward."""

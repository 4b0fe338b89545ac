"""Efficiencies in data over those in simulation."""

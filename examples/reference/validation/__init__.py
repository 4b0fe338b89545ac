"""The validation page of the reference simulation: one html file that shows what the sample is."""

"""Tag and probe on the reference sample, against its truth."""

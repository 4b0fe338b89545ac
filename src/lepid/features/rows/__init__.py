"""Derived inputs by subject: FEATURES, one row each, and DERIVED, columns that some files lack."""

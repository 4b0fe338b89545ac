"""Derived inputs: definitions and the kernels that compute them."""

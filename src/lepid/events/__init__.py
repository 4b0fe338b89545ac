"""What a file calls things, and what lepid calls them."""

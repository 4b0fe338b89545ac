"""Foreign networks and working points to model folders, one reader each."""

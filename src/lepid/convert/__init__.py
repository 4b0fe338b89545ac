"""Foreign network formats to model folders."""

"""Results and finished pictures as html pages, each in one file."""

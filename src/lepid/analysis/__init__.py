"""What users call on decorated events: a file for each question."""

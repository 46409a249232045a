"""A simulated night in the exact wire formats: the same seed gives the same bytes, on any machine."""

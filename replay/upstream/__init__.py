"""A tape served back over the protocols it came from: the local stand-in for every upstream."""

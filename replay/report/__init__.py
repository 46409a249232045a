"""The report: evidence gathered from films while they are at hand, and one self-contained page made of it."""

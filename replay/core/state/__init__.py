"""Folds: what a book is and where a game stands, as integer arrays."""

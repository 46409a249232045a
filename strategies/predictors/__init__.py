"""Forecasts from the score pattern: the margin at half-time and at the end, with intervals and named neighbours."""

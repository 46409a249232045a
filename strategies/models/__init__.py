"""Fair values: win probability and the pattern predictors, each with its card."""

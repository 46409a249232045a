"""A simulated world of faults for the real recorder, in virtual time: what `gametape chaos` runs."""

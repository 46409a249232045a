"""Live: the engine of every replay on a tape that is still being written."""

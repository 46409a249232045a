"""The tape on disk: the format, its writer and its reader side by side."""

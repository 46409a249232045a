"""How the simulated world is put into bytes: one module per source, shaped like the real ones."""

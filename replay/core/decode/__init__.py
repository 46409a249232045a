"""How to read: one total decoder a feed."""

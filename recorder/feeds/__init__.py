"""How to ask: one pure state machine a feed."""

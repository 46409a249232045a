"""The pure and deterministic core: events, decoders, folds and the engine. The only door for strategies."""

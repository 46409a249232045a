"""IDEAS: state in, evaluations and signals out. Imports replay.core only."""

"""FACTS: bytes in, tape out. Imports nothing of ours."""

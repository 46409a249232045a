"""MEANING: tape in, ledger out. Imports recorder."""

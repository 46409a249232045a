"""Faults put into a recording on purpose, and the laws that must hold on whatever comes out."""

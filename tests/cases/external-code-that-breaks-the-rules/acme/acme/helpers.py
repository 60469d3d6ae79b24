"""Reached, and in order."""

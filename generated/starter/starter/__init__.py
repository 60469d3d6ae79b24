"""The stack `starter`."""

"""The stack `example`."""

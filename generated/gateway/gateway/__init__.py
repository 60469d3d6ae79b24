"""The stack `gateway`."""

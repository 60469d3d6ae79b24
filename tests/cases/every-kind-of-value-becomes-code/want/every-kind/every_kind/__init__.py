"""The stack `every-kind`."""

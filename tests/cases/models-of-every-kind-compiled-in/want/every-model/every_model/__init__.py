"""The stack `every-model`."""

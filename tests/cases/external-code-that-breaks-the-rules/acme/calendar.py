"""A module in the place of one of Python's."""

"""A folder with code and no catalog file."""

"""The stack `starlette`."""

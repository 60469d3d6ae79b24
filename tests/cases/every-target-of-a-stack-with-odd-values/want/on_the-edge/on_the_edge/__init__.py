"""The stack `on_the-edge`."""

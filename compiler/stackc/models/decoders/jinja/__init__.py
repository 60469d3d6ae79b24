"""Jinja to Python: the parts of the translator of chat templates."""

"""The APIs of a stack: one module each."""

"""The runtime library that generated stacks import."""

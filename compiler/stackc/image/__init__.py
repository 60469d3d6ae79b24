"""Images of stacks, made without a container engine, the same bytes on every machine."""

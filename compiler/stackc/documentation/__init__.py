"""The documentation that the compiler writes: what catalog, schemas and parser say already."""

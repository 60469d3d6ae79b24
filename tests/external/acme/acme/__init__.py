"""External providers for the tests: Acme's server, and an echo."""

"""The providers of a stack: one package an API, one module a provider."""

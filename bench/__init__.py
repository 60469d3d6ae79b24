"""Measures what the compiler generates, beside what one would write instead, in the same run."""

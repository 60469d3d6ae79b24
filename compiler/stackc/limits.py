"""How large a distribution can be: more is an attack or a mistake, and would take long to refuse.

A distribution with 1,000 providers and 10,000 models has 76,000 values and 1.7 MB.
"""

MAX_BYTES = 2_000_000
"""Size of one file."""

MAX_VALUES = 80_000
"""Values in one file, aliases expanded."""

MAX_TEXT = 65_536
"""Characters of one value."""

MAX_DEPTH = 100
"""Levels of nesting, far below what the interpreter's stack holds."""

MAX_CHANGES = 1_000
"""Places in one file that are spelt as in other days."""

MAX_FILES = 20
"""Distributions in a chain of those that extend each other."""

MAX_FAULTS = 200
"""Faults of one kind that are told at once: who mends so many runs the compiler again."""

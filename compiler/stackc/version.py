"""The version of the compiler, and of the runtime library that ships with it."""

VERSION = "0.1.0"

"""The version of the runtime library: that of the compiler it ships with."""

VERSION = "0.1.0"

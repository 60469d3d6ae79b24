"""Tests of the embedded engine, file by file."""

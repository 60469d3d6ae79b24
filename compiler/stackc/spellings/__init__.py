"""Spellings of other days and other servers, and what is written in their place today."""

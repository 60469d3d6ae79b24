"""Providers of the inference API."""

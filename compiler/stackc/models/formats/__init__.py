"""Reads the files that models are published in: GGUF, safetensors, JSON."""

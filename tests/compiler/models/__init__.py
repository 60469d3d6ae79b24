"""Tests of the model compiler, against transformers, llama.cpp's token ids, and Jinja."""

"""Clients of the stack `every-kind` in this process: the official ones, without a port."""

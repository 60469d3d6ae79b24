"""Clients of the stack `gateway` in this process: the official ones, without a port."""

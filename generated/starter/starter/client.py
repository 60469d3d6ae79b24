"""Clients of the stack `starter` in this process: the official ones, without a port."""

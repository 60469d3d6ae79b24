"""The stack `starter-gpu`."""

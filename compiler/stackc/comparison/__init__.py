"""What changes between two distributions, read from their plans."""

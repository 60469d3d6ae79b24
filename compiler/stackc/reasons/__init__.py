"""Why something is in a stack: the chain from what was asked about to what the user wrote."""

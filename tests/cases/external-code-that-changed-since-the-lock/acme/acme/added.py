"""New since the lock."""

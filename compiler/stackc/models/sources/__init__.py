"""Where model files come from: packages, a hub, this machine; and the cache that keeps them."""

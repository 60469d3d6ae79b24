"""The first files of a provider, an API or a target, in a checkout of this repository."""

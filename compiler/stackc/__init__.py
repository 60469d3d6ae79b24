"""The stackc compiler: one YAML file in, a readable server package out."""

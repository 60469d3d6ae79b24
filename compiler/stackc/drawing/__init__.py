"""A stack drawn: what enables, configures, needs and answers what, as SVG and as Mermaid text."""

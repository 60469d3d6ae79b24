"""Distributions in the making: what `stackc init` asks for, suggests and writes."""

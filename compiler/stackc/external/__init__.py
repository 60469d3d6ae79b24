"""Provider types that a distribution brings along: their sources, their entries, their code."""

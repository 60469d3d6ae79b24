"""Models that read only: embeddings, rerankers, classifiers and fitted heads."""

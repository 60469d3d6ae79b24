"""Language models: what their files say, their graphs, tokenizers and chat templates."""

"""Small programs that the benchmark runs: servers to measure against, and one to measure with."""

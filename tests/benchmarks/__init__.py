"""Benchmarks: they print percentiles and ratios, and pass no verdict. `make bench` runs them all."""

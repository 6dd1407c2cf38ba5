"""Measures the targets of the design and writes docs/benchmarks.md: `make bench`, or `python -m tests.bench NAME…`."""

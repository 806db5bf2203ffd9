"""Measurements of pixfarm on this machine: `make bench`, or `python -m benchmarks [name ...]`."""

"""Benchmarks: what one worker takes in, how late it is, what a figure costs; `python -m tests.benchmarks`."""

"""Shipped test tools: contract suites for adapters, and `in_memory()` for tests of decorated functions."""

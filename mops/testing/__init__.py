"""Shipped test tools: contract suites for adapters, and `in_memory()` for tests of decorated functions."""

from mops.testing.in_memory import in_memory

__all__ = ["in_memory"]

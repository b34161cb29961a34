"""Interfaces that the core owns and adapters implement. Each docstring is a contract, and `mops.testing` tests it."""

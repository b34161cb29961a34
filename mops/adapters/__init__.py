"""Implementations of the ports: one technology a module, each the only importer of its library."""

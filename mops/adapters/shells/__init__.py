"""Implementations of the Shell port."""

"""Fixtures that several tests of the core share."""

from tests.unit.core.sample_code import sample

__all__ = ["sample"]

"""The code of a function, and of what it reaches, as a digest and a table of definitions."""

from mops.core.fingerprint.fingerprinter import Fingerprint, Fingerprinter, differences

__all__ = ["Fingerprint", "Fingerprinter", "differences"]

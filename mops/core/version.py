"""The version of the distribution."""

from typing import Final

MOPS_VERSION: Final = "0.1.0"

"""Implementations of the Codec port. A module of a library has ``CODECS``: the codec of each type, by exact type."""

"""Implementations of the Serializer port."""

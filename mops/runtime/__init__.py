"""Drives the core: performs the effects that it yields, on this process's threads and clock."""

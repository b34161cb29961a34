"""Where fetched files lie on this machine: beside a local root, in the cache of the user, or in a temporary folder.

- ``StandingCopies`` stay in one folder, which processes share: complete or not there, filled by one of them.
- ``Bound`` is what makes a cache of it: the least recently used go, but for those that living processes were given.
- ``TemporaryCopies`` go with the process, and ``FallbackCopies`` are these, where the others cannot be had.
"""

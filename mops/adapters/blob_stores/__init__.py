"""Where bytes live: one technology a module."""

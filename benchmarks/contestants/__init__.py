"""One module a library, each with ``memoize(root, function)``: what a user of it writes, and nothing more."""

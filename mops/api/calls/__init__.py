"""One call: what is claimed for it, its attempts, its future, and how others wait for it."""

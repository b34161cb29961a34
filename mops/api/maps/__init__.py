"""Many calls of one function: what is in flight, in which order it comes back, and how far it is."""

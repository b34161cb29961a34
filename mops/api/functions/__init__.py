"""A function: what is declared of it, which code is its, and the address of a call."""

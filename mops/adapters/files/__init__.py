"""Files of this machine: reading, verifying and copying them, for every adapter that has to do with files.

Speaks paths and ``OSError``; who uses it says what that means in the words of his port.
"""

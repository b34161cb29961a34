"""How values of known libraries are keyed: one library a module, found by the name of a class's module."""

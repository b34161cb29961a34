"""Files that functions name, write and return: sources, outputs, and the folders that they are drafted in."""

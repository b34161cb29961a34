"""The rows of the table, a group a module. Each module has ``ROWS``."""

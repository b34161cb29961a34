"""What people see of a running program: words, and the line of a terminal that shows how far things are."""

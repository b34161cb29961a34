"""What stands under a blob root, for people: past calls, why they differ, what runs, what was printed."""

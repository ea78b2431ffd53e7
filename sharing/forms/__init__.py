"""What people may type into a page, by page family."""

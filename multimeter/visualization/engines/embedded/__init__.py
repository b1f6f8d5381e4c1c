"""The embedded engine: one process of our own, and a folder with its store."""

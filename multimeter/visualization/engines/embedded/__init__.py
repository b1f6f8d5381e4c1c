"""The embedded engine: one server process, and a folder with its store."""

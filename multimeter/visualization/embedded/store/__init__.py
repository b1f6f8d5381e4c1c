"""The store: points in, charts out, one file."""

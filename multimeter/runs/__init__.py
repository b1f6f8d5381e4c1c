"""Runs that were kept: where they are found, and how they are read back."""

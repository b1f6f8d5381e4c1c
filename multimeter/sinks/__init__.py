"""Sinks: one batch to one place."""

"""Engines: what a stack can run on."""

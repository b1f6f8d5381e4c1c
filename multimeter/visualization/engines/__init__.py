"""Engines: what a stack runs on."""

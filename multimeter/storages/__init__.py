"""Storages: where a result goes."""

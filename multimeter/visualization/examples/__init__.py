"""Example data: a real run, as line protocol."""

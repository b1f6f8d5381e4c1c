"""Measure processes from outside: started commands, and running processes."""

"""The stack that shows what was measured, and its command line."""

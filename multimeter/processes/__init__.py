"""Programs that are measured from outside: commands that are run, and any process."""

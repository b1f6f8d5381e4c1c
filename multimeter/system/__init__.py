"""Files, processes and streams: what is asked of the operating system."""

"""Reports: runs as charts in a terminal, and as one page of HTML."""

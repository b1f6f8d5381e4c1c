"""Values, records and columns: what is measured, as it is kept."""

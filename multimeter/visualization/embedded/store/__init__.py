"""The store: points in one DuckDB file, read as buckets, rows and statistics."""

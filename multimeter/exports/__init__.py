"""Runs in the forms of other programs: CSV and Parquet."""

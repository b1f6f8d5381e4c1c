"""The embedded server: InfluxDB's write API, a store, and a page."""

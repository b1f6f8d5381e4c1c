"""The embedded stack: a server with InfluxDB's write API, a store, and a page."""

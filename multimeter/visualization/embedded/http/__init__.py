"""The HTTP server: the write API, the JSON API, the pages, and access control."""

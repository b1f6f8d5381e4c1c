"""HTTP: connections, and whom they trust."""

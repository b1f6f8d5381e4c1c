"""The stack in containers: InfluxDB and Grafana, side by side."""

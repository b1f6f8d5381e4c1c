"""The docker engine: InfluxDB and Grafana in two containers."""

"""Dashboards: what is shown of runs, defined once for the page and for Grafana."""

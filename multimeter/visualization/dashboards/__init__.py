"""Dashboards: one definition of what a run looks like, for every place that shows it."""

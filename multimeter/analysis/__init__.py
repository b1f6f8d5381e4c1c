"""What a run says: units, statistics, figures, panels, comparisons and limits."""

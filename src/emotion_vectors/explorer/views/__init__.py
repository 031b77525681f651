"""Pure functions from a run's data to the HTML that a tab shows."""

"""Where a sync stands."""

"""Delta learning: two networks whose predictions add up."""

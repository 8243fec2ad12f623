"""Records of a study that has run: what made it, its summary, how it compares with another."""

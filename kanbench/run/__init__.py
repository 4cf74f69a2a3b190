"""A run: cells are planned, found or trained, and reported."""

"""A run: plan the cells, look up or train each of them, and report."""

"""Processes that train cells side by side: the pool, the devices they use, and how they are stopped."""

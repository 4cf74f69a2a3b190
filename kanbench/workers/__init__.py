"""Worker processes that train cells side by side: the pool, its devices, and stopping on signals."""

"""Loggers: CSV and W&B, written from finished records."""

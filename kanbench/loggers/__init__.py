"""Loggers for CSV and Weights & Biases (W&B), written from finished records."""

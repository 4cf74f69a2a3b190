"""Logging beside the records: nothing, CSV files, or Weights & Biases. The only room that imports wandb."""

from kanbench.loggers.logger import RunLogger

__all__ = ["RunLogger"]

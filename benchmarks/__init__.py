"""Benchmarks of the speed of kanbench, as ratios in one run: `python -m benchmarks --help`, and README.md here."""

import os

# Set before these packages are imported: torch's profiler writes to the terminal, and pykan draws a progress bar.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

"""How fast kanbench is, as ratios in one run: `python -m benchmarks --help`, and README.md beside this."""

import os

# torch's profiler writes to the terminal, and pykan draws a bar while it trains; all three are read at import.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

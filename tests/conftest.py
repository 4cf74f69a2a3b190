"""One thread a process, as in the harness's own workers: tests run beside each other."""

import torch

torch.set_num_threads(1)

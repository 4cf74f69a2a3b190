"""One thread a process, as in the harness's own workers, and signals as a terminal gives them, also under nohup."""

import signal

import torch

torch.set_num_threads(1)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

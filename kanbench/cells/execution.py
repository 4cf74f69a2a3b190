"""Options of a training: where it runs, on how many threads, and what is logged and saved on the way."""

from dataclasses import dataclass

from lightning.pytorch.loggers import Logger

from kanbench.cells.resume import ResumeFile


@dataclass(frozen=True)
class Execution:
    """Everything about a training that is not part of its cell: it changes results by rounding at most.

    Args:
        accelerator: "cpu" or "cuda".
        threads: The number of CPU threads of this process; None leaves it as it is.
        compiled: Whether gradients go through torch.compile, which serves Adam and SGD.
        statistics: Whether the learning curve holds statistics of every layer, which costs some seconds.
        logger: Receives the metrics of every check.
        resume: The file that an interrupted training continues from, and is saved to.
    """

    accelerator: str = "cpu"
    threads: int | None = None
    compiled: bool = False
    statistics: bool = False
    logger: Logger | None = None
    resume: ResumeFile | None = None

"""Every worker sees one GPU, in turn, of those that the process was given."""

import os

import pytest
import torch

from kanbench.config.settings import Accelerator, TrainerConfig
from kanbench.workers.devices import device_of, names, pin
from kanbench.workers.pool import unordered


@pytest.mark.parametrize(
    ("visible", "count", "expected"),
    [
        (None, 0, ()),
        (None, 3, ("0", "1", "2")),
        ("", 0, ()),
        ("2,5", 2, ("2", "5")),
        ("GPU-8f2a, GPU-91cc", 2, ("GPU-8f2a", "GPU-91cc")),
        ("3,-1,4", 1, ("3",)),  # CUDA stops at the first that is none
    ],
)
def test_names_are_those_of_the_environment(visible, count, expected):
    assert names(visible, count) == expected


def test_workers_take_gpus_in_turn():
    assert [device_of(worker, ("2", "5")) for worker in range(5)] == ["2", "5", "2", "5", "2"]


@pytest.fixture
def four_gpus(monkeypatch):
    """As Slurm gives four of eight."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3,4,6")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({}, ["1", "3", "4", "6"]),
        ({"devices": 2}, ["1", "3"]),
        ({"workers": 6}, ["1", "1", "3", "3", "4", "6"]),
        ({"devices": 2, "workers": 3}, ["1", "1", "3"]),
    ],
    ids=str,
)
def test_a_worker_sees_its_gpu_alone_before_it_works(settings, seen, four_gpus):
    trainer = TrainerConfig(**settings)
    workers = trainer.workers_for(100)
    assert len(seen) == workers

    def prepare(worker):
        pin(trainer.gpus, worker)

    def process(_):
        return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]

    assert sorted(dict(unordered(process, range(workers), workers, prepare)).values()) == seen
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1,3,4,6"


def test_more_gpus_than_there_are_is_a_mistake(four_gpus):
    with pytest.raises(ValueError, match=r"devices must be 0 \(all\) to 4, the GPUs that are visible, got 5"):
        TrainerConfig(devices=5).check_here()
    with pytest.raises(ValueError, match="devices must be 0 without a GPU, got 1"):
        TrainerConfig(accelerator=Accelerator.cpu, devices=1).check_here()

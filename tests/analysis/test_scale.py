"""Folders of many records: the time grows with their number, and the memory with the table."""

import hashlib
import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanbench.analysis import answers, load, load_records, stats, summarize
from kanbench.store.record import SEAL

SEEDS, METHODS, BUDGETS = 5, 2, 10


def write_many(folder: Path, n_files: int) -> None:
    """Sealed records of two methods at ten budgets on as many tasks as it takes; quickly, as nothing is flushed."""
    cells = folder / "cells"
    cells.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(n_files):
        task, variant = divmod(i, METHODS * BUDGETS)
        key, errors = f"{i:024x}", rng.lognormal(size=SEEDS)
        shared = {
            "experiment": "many", "suite": "s", "task": f"t{task}", "same_as": "", "method": f"m{variant % METHODS}",
            "basis": "RBF", "aggregation": "sum", "activation": "", "depth": 1, "budget": 50 * (1 + variant // METHODS),
            "params": 50, "width": 3, "flops": 10, "lr": None, "optimizer": "LevenbergMarquardt", "evaluations": 9,
            "seconds": 0.5, "peak_memory_bytes": 7, "status": "ok", "reason": "", "cell": key, "commit": "c",
            "budget_miss": 0.0, "missed": False, "protocol": "p", "test_max_error": 1.0, "test_r2": 0.5,
        }  # fmt: skip
        metrics = ("train_rel_l2", "val_rel_l2", "test_rel_l2", "test_rmse")
        members = [shared | {"seed": s} | dict.fromkeys(metrics, error) for s, error in enumerate(errors)]
        curve = {"steps": list(range(20)), "validation_mse": [list(errors)] * 20}
        record = {"key": key, "members": members, "curve": curve, "cell": {}, "environment": {}, "traceback": ""}
        body = json.dumps(record).encode()
        header = {"kanbench_record": SEAL.format, "sha256": hashlib.sha256(body).hexdigest()}
        (cells / f"{key}.json").write_bytes(json.dumps(header).encode() + b"\n" + body)


def seconds(folder: Path, n_files: int) -> tuple[float, float]:
    """Time of a processor for loading as many files, and for summarizing them."""
    write_many(folder, n_files)
    started = time.process_time()
    frame = load_records(folder)
    loaded = time.process_time()
    summary = summarize(frame)
    summarized = time.process_time()
    assert len(frame) == SEEDS * n_files
    assert summary.tasks.unique().tolist() == [n_files // (METHODS * BUDGETS)]
    assert len(answers(frame, "m0")) == BUDGETS
    return loaded - started, summarized - loaded


def test_many_files_are_loaded_and_summarized_in_seconds(tmp_path):
    loading, summarizing = seconds(tmp_path, 600)
    assert loading < 2.3  # 0.2 s on a quiet core
    assert summarizing < 5.6


@pytest.mark.slow
def test_ten_times_the_files_take_about_ten_times_as_long(tmp_path):
    """A ratio, for which the speed of the machine does not matter; work on pairs of files would make it a hundred."""
    seconds(tmp_path / "warm", 600)
    few = seconds(tmp_path / "few", 5_000)
    many = seconds(tmp_path / "many", 50_000)
    assert len(many) == len(few)
    assert all(large < 25 * small for small, large in zip(few, many, strict=True)), (few, many)


def test_files_are_objects_only_a_few_at_a_time(tmp_path, monkeypatch):
    write_many(tmp_path, 200)

    def peak(at_once: int) -> int:
        monkeypatch.setattr(load, "AT_ONCE", at_once)
        tracemalloc.start()
        load_records(tmp_path)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)  # imports
    assert peak(10) < 0.9 * peak(200)


def test_parts_make_the_same_frame_as_the_whole(tmp_path, monkeypatch):
    write_many(tmp_path, 7)
    whole = load_records(tmp_path)
    monkeypatch.setattr(load, "AT_ONCE", 2)
    pd.testing.assert_frame_equal(load_records(tmp_path), whole)


def test_a_bootstrap_in_parts_draws_what_it_draws_at_once(monkeypatch):
    scores = np.random.default_rng(0).lognormal(size=(7, 5))
    whole = stats.bootstrap(scores, np.random.default_rng(1))
    monkeypatch.setattr(stats, "LARGEST_DRAW", 500)
    assert stats.bootstrap(scores, np.random.default_rng(1)) == whole

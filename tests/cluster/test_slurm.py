"""Whatever happens to jobs on a real Slurm, every cell has one good record, and the tables are those of a quiet run."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

import kanbench as kanbench_package
from kanbench.analysis import load_records
from kanbench.store.leases import look

NEEDED = [name for name in ("slurmctld", "slurmd", "munged", "sbatch") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.skipif(bool(NEEDED), reason=f"no Slurm here: {', '.join(NEEDED)} missing"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a Slurm of one's own needs root"),
]
ROOT = Path(kanbench_package.__file__).parents[1]
SCRIPT = Path(__file__).parent / "slurm.sh"
WORDS = [
    *("name=x", "data.tasks=[I.1*]", "basis=chebyshev", "budget.targets=[50]", "seeds=2", "data.train=60"),
    *("data.validation=60", "data.test=60", "optimizer.steps=100", "trainer.workers=1"),
]
MEASURED = ["seconds", "peak_memory_bytes", "commit"]


@pytest.fixture(scope="session")
def slurm():
    """The environment in which a Slurm answers. Its folder is none of pytest's, which munge's user could not enter."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as lab:
        environment = os.environ | {"SLURM_LAB": lab, "SLURM_CONF": f"{lab}/slurm.conf", "PYTHONPATH": str(ROOT)}
        environment |= {"OMP_NUM_THREADS": "1"}

        def lab_does(action):
            subprocess.run(["bash", SCRIPT, action], env=environment, check=True, timeout=120)

        try:
            lab_does("start")
            yield environment | {"lab": lab_does}
        finally:
            lab_does("stop")


@pytest.fixture(scope="session")
def quiet(tmp_path_factory, slurm):
    """Numbers of a run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("quiet")
    done = run(slurm, folder, sys.executable, "-m", "kanbench", *WORDS)
    assert done.returncode == 0, done.stderr
    return numbers(folder)


@pytest.fixture
def cluster(slurm, tmp_path):
    cluster = Cluster(slurm, tmp_path)
    yield cluster
    cluster.tell("scancel", "--user=root")
    cluster.wait_for(lambda: not cluster.jobs())


def run(slurm, folder, *words):
    environment = {name: value for name, value in slurm.items() if isinstance(value, str)}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def numbers(folder):
    return load_records(folder / "results/runs/x").drop(columns=MEASURED)


class Cluster:
    """What a user does, and a few accidents."""

    def __init__(self, slurm, folder):
        self.slurm, self.folder = slurm, folder

    def tell(self, *words):
        done = run(self.slurm, self.folder, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def submit(self, *options):
        said = self.tell(sys.executable, "-m", "kanbench", "submit", *WORDS, "--cpus-per-task=1", *options)
        return re.search(r"array job (\d+)", said)[1]

    def jobs(self):
        return self.tell("squeue", "--noheader", "--array", "--format=%i").split()

    def records(self):
        return list(self.folder.glob("results/runs/x/cells/*.json"))

    def wait_for(self, condition, seconds=240):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def until_it_trains(self, *jobs):
        """Wait until each of `jobs`, JOB_TASK, is in the midst of a cell; their process ids."""
        found = {}

        def look_around():
            sights = map(look, self.folder.glob("results/runs/x/cells/[!.]*.claim"))
            found.update((sight.owner.job, sight.owner.pid) for sight in sights if sight and sight.owner)
            return found.keys() >= set(jobs)

        self.wait_for(look_around)
        return [found[job] for job in jobs]

    def until_all_end(self):
        self.wait_for(lambda: not self.jobs())

    def log(self, pattern="*"):
        logs = sorted(self.folder.glob(f"results/runs/slurm/{pattern}.log"))
        return "\n".join(f"{path.name}: {path.read_text()}" for path in logs)


def check(cluster, quiet):
    """Every cell has exactly one good record; the tables are those of the quiet run."""
    pd.testing.assert_frame_equal(numbers(cluster.folder), quiet, check_exact=True)
    assert quiet.status.unique().tolist() == ["ok"]
    (report,) = cluster.folder.glob("results/runs/x/reports/*")
    table = pd.read_csv(report / "records.csv").drop(columns=MEASURED)
    expected = pd.read_csv(StringIO(quiet.to_csv(index=False)))
    pd.testing.assert_frame_equal(table, expected, check_exact=True)
    assert not list(cluster.folder.glob("results/runs/x/cells/*.claim"))
    assert not list(cluster.folder.glob("results/runs/x/cells/*.training"))


def trained(cluster):
    """How many cells were trained, over all jobs that came to their end."""
    return sum(map(int, re.findall(r"cells.*: (\d+) trained", cluster.log())))


def test_a_sweep_over_jobs_trains_every_cell_once_and_the_last_job_reports(cluster, quiet):
    cluster.submit("--jobs=2")
    cluster.until_all_end()
    check(cluster, quiet)
    assert trained(cluster) == len(quiet) // 2
    assert "tasks at 50 parameters: error ratio" in " ".join(cluster.log().split())  # the answer of the last job
    said = cluster.tell(sys.executable, "-m", "kanbench", "status", "results/runs")
    assert "0 running, 0 failed, 0 missing" in said


def test_a_cancelled_job_stops_cleanly_and_the_same_words_go_on(cluster, quiet):
    job = cluster.submit("--jobs=2")
    cluster.until_it_trains(f"{job}_1")
    cluster.tell("scancel", f"{job}_1")
    cluster.until_all_end()
    assert "stopped; everything that was finished is kept" in cluster.log(f"{job}_1")
    assert not list(cluster.folder.glob("results/runs/x/cells/*.claim"))
    cluster.submit("--jobs=2")
    cluster.until_all_end()
    check(cluster, quiet)


def test_a_requeued_job_and_one_near_its_time_limit_go_on_by_themselves(cluster, quiet):
    job = cluster.submit("--jobs=2")
    cluster.until_it_trains(f"{job}_1")
    cluster.tell("scontrol", "requeue", f"{job}_1")
    cluster.until_it_trains(f"{job}_2")
    cluster.tell("scancel", "--signal=USR2", "--batch", f"{job}_2")  # as Slurm does before the limit
    cluster.until_all_end()
    check(cluster, quiet)
    for task in (1, 2):
        assert "stopped; everything that was finished is kept" in cluster.log(f"{job}_{task}")


def test_two_jobs_that_race_for_the_same_cells_train_each_once(cluster, quiet):
    first, second = cluster.submit("--hold"), cluster.submit("--hold")
    cluster.tell("scontrol", "release", first, second)
    cluster.until_all_end()
    check(cluster, quiet)
    assert trained(cluster) == len(quiet) // 2
    for job in (first, second):
        assert int(re.search(r": (\d+) trained", cluster.log(f"{job}_1"))[1]) > 0


def test_a_job_whose_process_is_killed_loses_the_cell_in_work_and_others_finish_it(cluster, quiet):
    """As the kernel does where memory runs out."""
    other, victim = cluster.submit("--hold"), cluster.submit()  # in this order: the victim may be quick
    (process,) = cluster.until_it_trains(f"{victim}_1")
    os.kill(process, signal.SIGKILL)
    cluster.tell("scontrol", "release", other)
    cluster.until_all_end()
    check(cluster, quiet)
    assert "trained" in cluster.log(f"{other}_1")


def test_a_node_whose_slurmd_stops_and_starts_loses_nothing(cluster, quiet):
    job = cluster.submit("--jobs=2")
    cluster.until_it_trains(f"{job}_1", f"{job}_2")
    cluster.slurm["lab"]("node-stop")
    cluster.slurm["lab"]("node-start")
    cluster.until_all_end()
    check(cluster, quiet)


def test_jobs_that_share_a_node_see_different_gpus(cluster):
    both = "until [ $(cat gpu-*.txt | wc -l) = 2 ]; do sleep 0.1; done"  # neither ends before the other has its GPU
    (cluster.folder / "job.sh").write_text(f'#!/bin/bash\necho "sees $CUDA_VISIBLE_DEVICES"\n{both}\n')
    for _ in range(2):
        cluster.tell("sbatch", "--gpus-per-node=1", "--cpus-per-task=1", "--output=gpu-%j.txt", "job.sh")
    cluster.until_all_end()
    assert sorted(path.read_text() for path in cluster.folder.glob("gpu-*.txt")) == ["sees 0\n", "sees 1\n"]


def test_the_slurm_launcher_runs_a_sweep(cluster):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    words = [word for word in WORDS if not word.startswith(("data.tasks", "basis"))]
    words += ["data.tasks=[I.12.11]", "basis=chebyshev,taylor", "hydra.launcher.cpus_per_task=1"]
    done = run(cluster.slurm, cluster.folder, sys.executable, "-m", "kanbench", "-m", "hydra/launcher=slurm", *words)
    assert done.returncode == 0, done.stderr
    assert "the whole sweep" in done.stdout
    assert len(cluster.records()) == 3

"""A wheel holds everything that a command needs, and works where there is no checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import kanbench
from kanbench.cli.reproduce import study_files

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.iterdir()
    return path


def files(folder):
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_its_configs_and_its_studies_and_nothing_else(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    studies = [path.with_name(name) for path in study_files().values() for name in ("study.yaml", "records.csv.gz")]
    assert held == {
        *(f"kanbench/{name}" for name in files(ROOT / "kanbench")),
        *(f"kanbench/conf/{name}" for name in files(ROOT / "conf")),
        *(f"kanbench/{path.relative_to(ROOT)}" for path in studies),
    }
    assert {"kanbench/py.typed", "kanbench/conf/config.yaml", "kanbench/cli/completion.bash"} <= held
    assert len(studies) >= 2


class Elsewhere:
    """The wheel alone in a folder, and an empty folder from which its commands run, with no path to the checkout.

    `-S` leaves out the file of an editable install that leads to the checkout.
    """

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.site, self.here = folder / "site", folder / "here"
        self.here.mkdir()
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", self.site]
        subprocess.run([*install, wheel], check=True)
        packages = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
        self.environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(self.site), *packages])}

    def python(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-S", "-P", *words], cwd=self.here, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def __call__(self, *words: str) -> str:
        return self.python("-m", "kanbench", *words)


@pytest.fixture(scope="module")
def kanbench_elsewhere(wheel, tmp_path_factory):
    return Elsewhere(wheel, tmp_path_factory.mktemp("elsewhere"))


@pytest.mark.slow
def test_every_command_of_the_wheel_works_from_an_empty_folder(kanbench_elsewhere):
    run, before = kanbench_elsewhere, files(kanbench_elsewhere.site)
    found = run.python("-c", "import sys, kanbench; print(kanbench.__file__, *sys.path, sep='\\n')").splitlines()
    assert found[0] == str(run.site / "kanbench" / "__init__.py")
    assert not {str(ROOT), str(run.here), ""} & set(found)
    assert "feynman" in run("list")
    assert "hand_derived" in run("list")
    assert "basis.degree" in run("help", "bases")
    assert "frontier" in run("reproduce")
    assert "_kanbench()" in run("--completion")
    assert "name: bspline" in run("--cfg", "job")
    assert not files(run.here)
    run("experiment=smoke")
    records = [path.read_text() for path in (run.here / "results/runs/smoke/cells").glob("*.json")]
    assert len(records) >= 4
    assert all('"commit": ""' in record for record in records)
    run("report", "results/runs/smoke", "--networks", "1")
    assert (run.here / "results/runs/smoke/report.html").stat().st_size > 500_000
    run("tables", "results/runs/smoke", "--out", "tables")
    assert "#SBATCH" in run("submit", "experiment=smoke", "--dry-run")
    assert "done" in run("status", "results/runs")
    assert files(run.site) == before


@pytest.mark.slow
def test_the_wheel_has_a_program(kanbench_elsewhere):
    program = kanbench_elsewhere.site / "bin" / "kanbench"
    done = subprocess.run(
        [program, "--version"],
        cwd=kanbench_elsewhere.here,
        env=kanbench_elsewhere.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"kanbench {kanbench.__version__}\n"


def test_every_extra_that_a_message_names_is_one():
    named = set()
    for path in [*ROOT.glob("kanbench/**/*.py"), *ROOT.glob("conf/**/*.yaml"), ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        lists = re.findall(r"(?:kanbench|'\.)\[([a-z, ]+)\]", text) + re.findall(r"installs\('([a-z]+)'\)", text)
        named |= {extra for each in lists for extra in re.split(", *", each)}
    assert {"wandb", "dashboard", "tables", "slurm"} <= named <= set(PROJECT["optional-dependencies"])


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == kanbench.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]

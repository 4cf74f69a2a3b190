"""Commands that only read answer before anything heavy is imported; times are noisy, and imports are not."""

import inspect
import subprocess
import sys

import pytest

from kanbench.bases import BASES
from kanbench.cli.main import answer
from kanbench.files.places import PACKAGE
from kanbench.files.registry import documented
from kanbench.systems import SYSTEMS
from kanbench.training import OPTIMIZERS

HEAVY = "torch lightning pandas scipy sympy matplotlib seaborn sklearn hydra omegaconf rich"
WORDS = [
    *("--help", "--version", "--completion", "list", "list feynman_full", "list special", "status .", "reproduce"),
    *("help", "help bases", "help optimizers", "help systems", "help suites", "help experiments", "help tables"),
]
ASK = """
import sys
from kanbench.cli.main import answer
for words in {words!r}:
    assert answer(words.split()) == 0, words
    if loaded := sorted(sys.modules.keys() & set({heavy!r}.split())):
        sys.exit(f"{{words}} imports {{' '.join(loaded)}}")
"""


def test_what_reads_names_files_and_formulas_imports_nothing_heavy(tmp_path):
    (tmp_path / "plans").mkdir()
    code = ASK.format(words=WORDS, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_package_alone_imports_no_package_of_others():
    code = "import sys, kanbench; print({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "yaml", *HEAVY.split()}.isdisjoint(eval(done.stdout))


@pytest.mark.parametrize(
    ("folder", "base", "registry"),
    [("bases", "Basis", BASES), ("training/optimizers", "Optimizer", OPTIMIZERS), ("systems", "System", SYSTEMS)],
)
def test_docstrings_read_from_the_source_are_those_of_the_registered_classes(folder, base, registry):
    found = documented(PACKAGE / folder, base)
    assert {word: inspect.getdoc(kind) for word, kind in registry.items()}.items() <= found.items()


def test_a_class_is_documented_through_classes_between_it_and_the_base(tmp_path):
    (tmp_path / "between.py").write_text('class Between(Base):\n    """Abstract."""\n')
    (tmp_path / "one.py").write_text(
        'class Helper:\n    """No."""\n\nclass One(Between):\n    """One.\n\n    More."""\n'
    )
    (tmp_path / "two.py").write_text('class Two(Between):\n    """Two."""\n    word: ClassVar[str] = "second"\n')
    (tmp_path / "three.py").write_text("class Three(Base): ...\n")
    found = documented(tmp_path, "Base")
    assert found == {"between": "Abstract.", "one": "One.\n\nMore.", "second": "Two.", "three": ""}


def test_the_help_is_the_text_that_hydra_makes(capsys):
    words = [sys.executable, "-m", "kanbench", "experiment=smoke", "--help"]  # words of a run beside it are Hydra's
    by_hydra = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert answer(["--help"]) == 0
    assert capsys.readouterr().out.endswith(by_hydra)
    assert by_hydra.startswith("kanbench: does a KAN")

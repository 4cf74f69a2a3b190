"""User code is found, hashed without its path, and run as `python file.py` would; a fault is one sentence."""

import importlib
import os
import py_compile
import sys
import warnings
from pathlib import Path

import pytest

from kanbench.files.user_code import load_target, loaded_before
from kanbench.files.user_source import TargetError, read_source

MODEL = "from layers import scale\n\ndef build(widths):\n    return scale(len(widths))\n"


@pytest.fixture(autouse=True)
def clean_imports(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / f"{name.replace('__in__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_file_is_loaded_with_the_files_beside_it(tmp_path):
    write(tmp_path, model=MODEL, layers="def scale(n):\n    return 10 * n\n")
    loaded = load_target(f"{tmp_path}/model.py:build")
    assert loaded.thing([2, 5, 1]) == 30
    assert set(loaded.source.files) == {"", "layers"}


def test_a_moved_or_renamed_file_keeps_its_hash_and_a_changed_one_does_not(tmp_path):
    layers = "def scale(n):\n    return 10 * n\n"
    write(tmp_path / "a", model=MODEL, layers=layers)
    write(tmp_path / "b/c", other=MODEL, layers=layers)
    write(tmp_path / "d", model=MODEL, layers=layers.replace("10", "20"), unused="x = 1")
    here, moved, changed = (
        load_target(f"{tmp_path}/{place}:build") for place in ("a/model.py", "b/c/other.py", "d/model.py")
    )
    assert here.hash == moved.hash != changed.hash
    assert [each.thing([1]) for each in (here, moved, changed)] == [10, 10, 20]
    before = read_source(f"{tmp_path}/d/model.py:build").hash
    write(tmp_path / "d", unused="x = 2")
    assert read_source(f"{tmp_path}/d/model.py:build").hash == before


def test_line_ends_make_no_difference(tmp_path):
    (tmp_path / "unix.py").write_bytes(b"def f():\n    pass\n")
    (tmp_path / "windows.py").write_bytes(b"def f():\r\n    pass\r\n")
    assert read_source(f"{tmp_path}/unix.py:f").hash == read_source(f"{tmp_path}/windows.py:f").hash


def test_a_file_that_changes_while_the_program_runs_is_run_again_with_what_it_imports(tmp_path):
    write(tmp_path, model=MODEL, layers="def scale(n):\n    return 10 * n\n")
    first = load_target(f"{tmp_path}/model.py:build")
    assert load_target(f"{tmp_path}/model.py:build") is first
    write(tmp_path, layers="def scale(n):\n    return 300 * n\n")
    second = load_target(f"{tmp_path}/model.py:build")
    assert second.hash != first.hash
    assert (first.thing([1]), second.thing([1])) == (10, 300)


@pytest.mark.parametrize("target", ["{folder}/edited_main.py:f", "edited_package.edited_main:f"])
def test_an_edit_of_equal_length_within_a_second_is_seen_beside_bytecode(tmp_path, monkeypatch, target):
    """Bytecode is up to date for Python if the file has its size and its second."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "edited_package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    dots = "" if "/" in target else "."
    for number in (1, 2):
        for name, text in (
            ("edited_beside", f"X = {number}\n"),
            ("edited_main", f"from {dots}edited_beside import X\nY = {number}\ndef f():\n    return X, Y\n"),
        ):
            (folder / f"{name}.py").write_text(text)
            os.utime(folder / f"{name}.py", (1e9, 1e9))
            if number == 1:
                py_compile.compile(str(folder / f"{name}.py"))
        assert load_target(target.format(folder=folder)).thing() == (number, number)
    for name in [name for name in sys.modules if "edited_" in name]:
        del sys.modules[name]


def test_a_module_of_a_package_brings_what_runs_with_it(tmp_path, monkeypatch):
    write(tmp_path, pkg__in____init__="A = 1\n", pkg__in__core="from .deep import made as build\n")
    write(tmp_path, pkg__in__deep__in____init__="from ..low import made\n", pkg__in__low="def made():\n    return 7\n")
    write(tmp_path, pkg__in__unrelated="x = 1\n")
    monkeypatch.chdir(tmp_path)
    loaded = load_target("pkg.core:build")
    assert loaded.thing() == 7
    assert set(loaded.source.files) == {"pkg", "pkg.core", "pkg.deep", "pkg.low"}


def test_reading_a_source_runs_nothing(tmp_path, monkeypatch):
    write(tmp_path, pkg__in____init__="raise RuntimeError\n", pkg__in__core="def build(): ...\n")
    monkeypatch.chdir(tmp_path)
    assert len(read_source("pkg.core:build").hash) == 24


def test_packages_from_elsewhere_are_known_with_their_versions(tmp_path):
    write(tmp_path, model="import os\nimport numpy as np\nfrom kanbench.errors import shown\n\ndef f():\n    pass\n")
    source = read_source(f"{tmp_path}/model.py:f")
    assert source.imported == {"numpy"}
    assert source.versions()["numpy"] == sys.modules["numpy"].__version__ if "numpy" in sys.modules else True
    assert list(source.versions()) == ["numpy"]


def test_two_files_beside_different_files_of_one_name_do_not_mix(tmp_path):
    for number in (1, 2):
        write(tmp_path / str(number), model=MODEL, layers=f"def scale(n):\n    return {number} * n\n")
    assert [load_target(f"{tmp_path}/{number}/model.py:build").thing([1, 1]) for number in (1, 2)] == [2, 4]


def test_a_function_that_imports_a_file_of_the_name_of_another_sources_is_refused(tmp_path):
    late = "def build():\n    import lately\n    return lately.value\n"
    write(tmp_path / "a", model=late, lately="value = 1\n")
    write(tmp_path / "b", model=late, lately="value = 2\n")
    write(tmp_path / "c", model=late.replace("build", "other"), lately="value = 1\n")
    assert load_target(f"{tmp_path}/a/model.py:build").thing() == 1
    assert load_target(f"{tmp_path}/c/model.py:other").thing() == 1
    with pytest.raises(TargetError, match=r"a/model.py:build has another module lately, and a function imports it"):
        load_target(f"{tmp_path}/b/model.py:build")
    write(tmp_path / "d", model=late.replace("lately", "afterwards"), afterwards="value = 4\n")
    assert load_target(f"{tmp_path}/d/model.py:build").thing() == 4
    write(tmp_path / "d", afterwards="value = 5\n")
    assert load_target(f"{tmp_path}/d/model.py:build").thing() == 5


def test_what_was_loaded_is_found_again_by_its_hash_alone(tmp_path):
    write(tmp_path, model="def unique_to_this_test():\n    pass\n")
    loaded = load_target(f"{tmp_path}/model.py:unique_to_this_test")
    assert loaded_before("unique_to_this_test", loaded.hash) is loaded
    assert loaded_before("unique_to_this_test", "0" * 24) is None


def sentence(target):
    with pytest.raises(TargetError) as fault:
        load_target(str(target))
    text = str(fault.value)
    assert text.startswith("target ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("target", ["model.py", "model", ":Name", "a b:Name", "model.py:", "model.py:1x", "x/y:Name"])
def test_a_target_of_another_form_is_refused(target):
    assert "must be file.py:Name or package.module:Name" in sentence(target)


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    write(tmp_path, pkg__in____init__="")
    monkeypatch.chdir(tmp_path)
    assert "there is no file missing.py" in sentence("missing.py:Name")
    assert "there is no module or package missing" in sentence("missing:Name")
    assert "there is no module core in pkg" in sentence("pkg.core:Name")


FAULTS = {
    "def f(:\n    pass\n": "model.py is not Python: SyntaxError: invalid syntax (line 1)",
    "x = 1\nimport not_a_package\n": "ModuleNotFoundError: No module named 'not_a_package' (model.py line 2)",
    "def f():\n    raise ValueError('too\\nbad')\n\nf()\n": "ValueError: too bad (model.py line 2)",
    "import sys\nsys.exit(3)\n": "SystemExit: 3 (model.py line 2)",
    "from .layers import scale\n": "name it as package.module:Name",
    "import helper\n": "RuntimeError: from beside (helper.py line 1)",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_file_that_does_not_run_is_quoted_with_the_line(tmp_path, text):
    write(tmp_path, model=text, helper="raise RuntimeError('from beside')\n")
    said = sentence(tmp_path / "model.py:f")
    assert FAULTS[text] in said
    assert str(tmp_path / "model.py:f") in said


def test_an_unknown_name_suggests_and_a_number_is_no_callable(tmp_path):
    write(tmp_path, model="class MyKAN:\n    pass\n\nsize = 3\n")
    assert "unknown name 'MyKan'; did you mean MyKAN?" in sentence(tmp_path / "model.py:MyKan")
    assert "must be a class or a function, got 3" in sentence(tmp_path / "model.py:size")


def test_what_a_file_does_to_the_process_is_undone(tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["kanbench", "--lr", "x"])
    text = """
        import argparse, os, sys, warnings
        import torch
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        lr = parser.parse_args().lr
        os.chdir("/")
        warnings.simplefilter("error")
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        def build(widths):
            return lr
    """
    write(tmp_path, script="\n".join(line.strip() for line in text.splitlines()).replace("return", " return"))
    filters = list(warnings.filters)
    assert load_target("script.py:build").thing([1]) == 0.1
    assert Path.cwd() == tmp_path
    assert sys.argv == ["kanbench", "--lr", "x"]
    assert warnings.filters == filters
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (torch.float32, True)


@pytest.mark.parametrize("name", ["torch", "random"])
def test_a_file_beside_it_that_hides_a_package_is_named(tmp_path, name):
    write(tmp_path, **{name: "", "mine": f"import {name}\n\ndef build(widths):\n    return widths\n"})
    package = importlib.import_module(name)
    with pytest.raises(TargetError, match=f"{name}.py beside it hides the package {name}; rename it"):
        load_target(f"{tmp_path}/mine.py:build")
    assert sys.modules[name] is package


def test_a_file_without_names_is_said_to_be_empty(tmp_path):
    write(tmp_path, empty="x = 1\n")
    with pytest.raises(TargetError, match="it defines no class and no function"):
        load_target(f"{tmp_path}/empty.py:build")

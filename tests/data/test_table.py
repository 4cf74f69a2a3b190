"""Tables of your own and scikit-learn's: what is read, what is refused, how rows are dealt."""

import contextlib
import dataclasses
import datetime
import decimal
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn import datasets
from sklearn.preprocessing import MinMaxScaler

from kanbench.data import (
    Conditions,
    Shares,
    SplitSizes,
    TableError,
    columns,
    load_bundled,
    load_suite,
    read_table,
    sample,
)
from kanbench.data.table import table_task
from kanbench.errors import UnknownName

GOOD = "a,b,y\n1,2.5,3\n2,0.1,4\n3,-7,5e-1\n"


def write(folder, text, name="my.csv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def table(rows=100, classes=()):
    generator = np.random.default_rng(3)
    x = generator.normal(size=(rows, 3)) * [1, 10, 100] + [0, 5, -50]
    y = generator.choice(len(classes), rows, p=[0.1, 0.3, 0.6]) if classes else x[:, 0]
    return table_task("made", ("a", "b", "c"), x, "y", y.astype(float), classes)


def test_a_csv_is_read_exactly(tmp_path):
    task = read_table(write(tmp_path, "\ufeffa, b ,y\n0.1,2.5,3\n\n2,1e-300,4\n"), "y")
    assert (task.name, task.inputs, task.target) == ("my", ("a", "b"), "y")
    assert task.x.tolist() == [[0.1, 2.5], [2.0, 1e-300]]
    assert task.y.tolist() == [3.0, 4.0]


def test_named_inputs_are_taken_in_their_order_and_other_columns_may_hold_anything(tmp_path):
    task = read_table(write(tmp_path, "city,a,b,y\nOslo,1,2.5,3\n,2,0.1,4\n"), "y", ["b", "a"])
    assert task.inputs == ("b", "a")
    assert task.x.tolist() == [[2.5, 1.0], [0.1, 2.0]]


def test_parquet_and_csv_of_the_same_content_are_the_same_task(tmp_path):
    content = {"a": [1, 2, 3], "b": [2.5, 0.1, -7.0], "y": [3.0, 4.0, 0.5]}
    parquet.write_table(pa.table(content), tmp_path / "my.parquet")
    read, written = read_table(tmp_path / "my.parquet", "y"), read_table(write(tmp_path, GOOD), "y")
    assert read.digest == written.digest
    np.testing.assert_array_equal(read.x, written.x)
    parquet.write_table(pa.table(content | {"b": [2.5, None, -7.0]}), tmp_path / "my.parquet")
    with pytest.raises(TableError, match=r"my\.parquet: column 'b' has 1 missing value, the first in row 2"):
        read_table(tmp_path / "my.parquet", "y")


def test_the_digest_is_of_the_content_that_is_used_and_not_of_the_place(tmp_path):
    (tmp_path / "other").mkdir()
    here, there = write(tmp_path, GOOD), write(tmp_path / "other", GOOD)
    assert read_table(here, "y") == read_table(there, "y")
    digests = {read_table(here, "y").digest, read_table(here, "y", ["a"]).digest, read_table(here, "a").digest}
    digests.add(read_table(write(tmp_path, GOOD.replace("0.1", "0.10000000000000002")), "y").digest)
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b,y\n1,2,3\n2,,4\n3,NA,5\n", r"^my\.csv: column 'b' has 2 missing values, the first in row 2"),
        ("a,b,y\n1,x,3\n2,z,4\n", r"column 'b' is no column of numbers \('x' in row 1\); leave it out by naming"),
        ("a,b,y\n1,2,3\n2,oops,4\n", r"column 'b' has 1 cell without a number, the first 'oops' in row 2"),
        ("a,b,y\n1,2,3\n2,inf,4\n", r"column 'b' is not finite in 1 row, the first is row 2"),
        ("a,b,y\n1,7,3\n2,7,4\n", r"column 'b' is constant \(7 in every row\); leave it out by naming"),
        ("a,b,y\n1,2,3\n2,5,3\n", r"column 'y' is constant \(3 in every row\); there is nothing to predict$"),
        ("a,b,y\n1,2,no\n2,5,no\n", r"column 'y' is constant \('no' in every row\); there is nothing to predict$"),
        ("a,a,y\n1,2,3\n2,5,4\n", r"the header has 'a' 2 times"),
        ("a,,y\n1,2,3\n2,5,4\n", r"column 2 has no name .* index=False"),
        (",a,y\n0,2,3\n1,5,4\n", r"column 1 has no name .* pandas writes its index so"),
        ("Unnamed: 0,a,y\n5,2,3\n9,5,4\n", r"column 'Unnamed: 0' numbers the rows and is no input; leave it out"),
        ("ID,a,y\n1,2,3\n2,5,4\n", r"column 'ID' numbers the rows and is no input; leave it out"),
        ("a\tb\ty\n1\t2\t3\n", r"separated by tabs; they must be separated by ','"),
        ("a|b|y\n1|2|3\n", r"separated by '\|'"),
        ("a,y\n1,1e200\n2,-1e100\n", r"column 'y' reaches 1e\+200 in row 1, and numbers must be within 1e\+100"),
        ("a,y\n1,2\n-1e308,3\n", r"column 'a' reaches 1e\+308 in row 2"),
        ("a,y\n1,1e-200\n2,2e-200\n", r"column 'y' varies by 1\.0e-200 .* smaller unit"),
        ("a,y\n1,0.3\n2,0.30000000000000004\n", r"column 'y' varies by 5\.6e-17 about 0\.3, .* rounding"),
        (
            "a,y\n9007199254740993,1\n2,3\n",
            r"1 integer beyond 2\^53 that no float64 holds, the first '9007199254740993'",
        ),
        ("a,y\n-9007199254740993.0,1\n2,3\n", r"1 integer beyond 2\^53"),
        (f"a,y\n{'9' * 400},1\n2,3\n", r"column 'a' is not finite in 1 row"),
        (f"a,y\n{'x' * 100_000},1\n2,3\n", r"1 cell without a number, the first 'x{60}\.\.\.' in row 1"),
        (f"a,y\n{'x' * 200_000},1\n2,3\n", r"not a CSV file in UTF-8 \(field larger"),
        ("a,y\n1_000,1\n2,3\n", r"1 cell without a number, the first '1_000'"),
        ('a,y\n"1,5",1\n2,3\n', r"1 cell without a number, the first '1,5'"),
        ('a,y\n"1,1\n2,3\n', r"not a CSV file in UTF-8 \(unexpected end of data"),
        ('"a\nb",y\n1,1\n2,3\n', r"the name of column 1 must be printable, got 'a\\nb'"),
        ("a,y\n1,\0\n2,3\n", r"without a number|not a CSV"),
        (f"{'a' * 5000},y,z\n1,2\n", r"row 1 has 2 cells, and the header 3"),
        (b"\xff\xfea\0,\0y\0", r"not a CSV file in UTF-8"),
        (
            "a,y\n1,2\n3,4\n1,2\n3,4\n",
            r"every row is there 2 times or more, so training would know the rows of the test",
        ),
        ("a,y\n1,2\n3,4\n1,2\n3,4\n3.0,4\n1,2\n", r"every row is there 3 times or more"),
        ("1,2,3\n2,5,4\n", r"the first line must name the columns, and it holds numbers: 1"),
        ("a;b;y\n1;2;3\n", r"separated by ';'"),
        ("a,b,y\n1,2,3\n2,5\n", r"row 2 has 2 cells, and the header 3"),
        ("a,b,y\n1,2,3\n2,5,6,7\n", r"row 2 has 4 cells, and the header 3"),
        ("a,b,y\n", r"there are no rows below the header"),
        ("", r"the file is empty"),
        (b"a,b,y\n1,\xff,3\n", r"not a CSV file in UTF-8"),
        ("y\n1\n2\n", r"the inputs must be at least one column"),
    ],
)
def test_what_is_wrong_with_a_table_is_named_with_its_place(tmp_path, text, sentence):
    with pytest.raises(TableError, match=sentence):
        read_table(write(tmp_path, text), "y")


def test_faults_are_counted_over_the_whole_file_and_not_over_what_is_in_memory_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "STRETCH", 2)
    rows = "".join(f"{i},{i * i},{'' if i % 3 == 2 else i}\n" for i in range(10))
    with pytest.raises(TableError, match="column 'b' has 3 missing values, the first in row 3"):
        read_table(write(tmp_path, f"a,y,b\n{rows}"), "y")
    with pytest.raises(TableError, match="row 9 has 2 cells"):
        read_table(write(tmp_path, f"a,y,b\n{rows.replace('8,64,', '8,64')}"), "y")
    task = read_table(write(tmp_path, f"a,y,b\n{rows}"), "y", ["a"])
    assert task.x[:, 0].tolist() == list(range(10))
    assert task.y.tolist() == [i * i for i in range(10)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_a_bom_quotes_and_integers_that_a_float_holds_are_read_as_they_are(tmp_path, ending):
    lines = ['\ufeff"a,1",b ,y', '1,"2.5",3', "9007199254740994, 0.1 ,-4e0", "", "100000000000000000000,-7,+5"]
    text = ending.join(lines)
    task = read_table(write(tmp_path, text), "y")
    assert task.inputs == ("a,1", "b")
    assert task.x.tolist() == [[1.0, 2.5], [9007199254740994.0, 0.1], [1e20, -7.0]]


def test_an_index_that_is_asked_for_is_an_input_like_any_other(tmp_path):
    task = read_table(write(tmp_path, "Unnamed: 0,id,y\n0,1,3\n1,2,4\n2,3,9\n"), "y", ["Unnamed: 0", "id"])
    assert task.x.tolist() == [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    assert read_table(write(tmp_path, "id,y\n7,3\n1,4\n2,9\n"), "y").inputs == ("id",)


def test_rows_that_repeat_others_are_counted_for_the_run_to_say(tmp_path):
    task = read_table(write(tmp_path, "a,y\n1,2\n3,4\n1,2\n1,5\n1,2\n"), "y")
    assert task.remark == "my.csv: 2 rows of 5 repeat others, so training may know rows of the test"
    assert read_table(write(tmp_path, GOOD), "y").remark == ""
    assert task == dataclasses.replace(task, remark="")  # and no key of a cell knows of it


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ([[1.0], [2.0]], "list<"),
        ([{"u": 1}, {"u": 2}], "struct<u: int64>"),
        ([b"1", b"2"], "binary"),
        ([True, False], "bool"),
        ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], "date32"),
    ],
)
def test_parquet_columns_that_hold_no_numbers_are_named_with_their_type(tmp_path, column, kind):
    parquet.write_table(pa.table({"a": column, "b": [1, 2], "y": [1.5, 2.5]}), tmp_path / "my.parquet")
    with pytest.raises(TableError, match=rf"column 'a' is no column of numbers \(it holds {kind}.*\); leave it out"):
        read_table(tmp_path / "my.parquet", "y")
    assert read_table(tmp_path / "my.parquet", "y", ["b"]).x.tolist() == [[1.0], [2.0]]


def test_parquet_of_integers_decimals_categories_and_text_is_read_exactly_or_refused(tmp_path):
    content = {
        "i": pa.array([1, 2**60, 3]),
        "d": pa.array([decimal.Decimal("0.1"), decimal.Decimal("2.5"), decimal.Decimal("7")]),
        "c": pa.array(["1", "2", "1"]).dictionary_encode(),
        "h": pa.array(np.float16([0.5, 1, 2])),
        "y": pa.array([1.0, 2, 4]),
    }
    parquet.write_table(pa.table(content), tmp_path / "my.parquet")
    task = read_table(tmp_path / "my.parquet", "y")
    assert task.x.tolist() == [[1.0, 0.1, 1.0, 0.5], [2.0**60, 2.5, 2.0, 1.0], [3.0, 7.0, 1.0, 2.0]]
    parquet.write_table(pa.table(content | {"i": pa.array([1, 2**60 + 1, 3])}), tmp_path / "my.parquet")
    with pytest.raises(TableError, match=r"column 'i' has 1 integer beyond 2\^53 that no float64 holds, the first 115"):
        read_table(tmp_path / "my.parquet", "y")


def test_the_index_that_pandas_keeps_in_parquet_is_no_input(tmp_path):
    pd.DataFrame({"a": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}, index=[5, 9, 7]).to_parquet(tmp_path / "my.parquet")
    with pytest.raises(TableError, match="column '__index_level_0__' numbers the rows and is no input"):
        read_table(tmp_path / "my.parquet", "y")


def test_columns_of_one_name_and_damaged_pages_in_parquet_are_one_sentence(tmp_path):
    twice = pa.Table.from_arrays([pa.array([1.0, 2.0]), pa.array([3.0, 4.0]), pa.array([1.0, 3.0])], ["a", "a", "y"])
    parquet.write_table(twice, tmp_path / "my.parquet")
    with pytest.raises(TableError, match="the header has 'a' 2 times"):
        read_table(tmp_path / "my.parquet", "y")
    parquet.write_table(pa.table({"a": np.arange(1000.0), "y": np.arange(1000.0) ** 2}), tmp_path / "my.parquet")
    whole = (tmp_path / "my.parquet").read_bytes()
    for cut in (4, 8, len(whole) // 2, len(whole) - 1):
        with pytest.raises(TableError, match=r"my\.parquet: (not a Parquet file|cannot be read)"):
            read_table(write(tmp_path, whole[:cut], "my.parquet"), "y")
    generator = np.random.default_rng(0)
    for _ in range(200):  # of a damaged file either a table is read or one sentence said
        damaged = bytearray(whole)
        for place in generator.integers(4, len(whole) - 8, 5):
            damaged[place] = generator.integers(256)
        with contextlib.suppress(TableError, UnknownName):
            read_table(write(tmp_path, bytes(damaged), "my.parquet"), "y")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for name in ("pipe.csv", "folder.parquet", "loop.csv"):
        with pytest.raises(TableError, match=f"{name}: cannot be read"):
            read_table(tmp_path / name, "y")
    with pytest.raises(TableError, match="the name of the file must be printable"):
        read_table(write(tmp_path, GOOD, "a\nb.csv"), "y")


def test_more_numbers_than_memory_should_hold_are_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "MOST_NUMBERS", 8)
    with pytest.raises(TableError, match=r"my\.csv: 3 columns of 3 rows or more are too many; at most 8 numbers"):
        read_table(write(tmp_path, GOOD), "y")
    assert read_table(write(tmp_path, GOOD), "y", ["a"]).n_rows == 3
    parquet.write_table(
        pa.table({"a": [1, 2, 3], "b": [2.5, 0.1, -7.0], "y": [3.0, 4.0, 0.5]}), tmp_path / "my.parquet"
    )
    with pytest.raises(TableError, match=r"my\.parquet: 3 columns of 3 rows"):
        read_table(tmp_path / "my.parquet", "y")


@pytest.mark.slow
def test_three_million_rows_take_memory_for_their_numbers_and_not_for_their_text(tmp_path):
    rows, path = 3_000_000, tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("a,b,c,y\n")
        for start in range(0, rows, 100_000):
            file.writelines(f"{i}.5,{i % 97},{-i / 7:.6f},{i / 3:.9f}\n" for i in range(start, start + 100_000))
    code = "import resource, sys; from pathlib import Path; from kanbench.data import read_table;"
    code += "base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; task = read_table(Path(sys.argv[1]), 'y');"
    code += "print(task.n_rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)"
    out = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
    n_rows, kilobytes = map(int, out.split())
    assert n_rows == rows
    assert kilobytes < 4 * rows * 4 * 8 / 1000  # four times the numbers; as text they are forty times as many


@pytest.mark.parametrize(
    ("x", "y", "classes", "fault"),
    [
        (np.ones((3, 2)), np.arange(3.0), (), "x must be rows times 1 input"),
        (np.ones((2, 1)), np.arange(3.0), (), "x must be rows times 1 input"),
        (np.ones((3, 1)), np.ones((3, 1)), (), "y one number a row"),
        (np.full((3, 1), np.nan), np.arange(3.0), (), "must be finite"),
        (np.ones((3, 1)), np.array([0.0, 1.0, np.inf]), (), "must be finite"),
        (np.ones((3, 1)), np.array([0.0, 1.0, 2.0]), ("u", "v"), "must be indices of its 2 classes"),
        (np.ones((3, 1)), np.array([0.0, 0.5, 1.0]), ("u", "v"), "must be indices of its 2 classes"),
    ],
)
def test_arrays_that_are_no_table_make_none(x, y, classes, fault):
    with pytest.raises(ValueError, match=fault):
        table_task("made", ["a"], x, "y", y, classes)


def test_files_and_columns_that_are_not_there(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv: cannot be read \(No such file"):
        read_table(tmp_path / "none.csv", "y")
    with pytest.raises(TableError, match=r"my\.xlsx: must end in \.csv or \.parquet"):
        read_table(write(tmp_path, GOOD, "my.xlsx"), "y")
    with pytest.raises(TableError, match="not a Parquet file"):
        read_table(write(tmp_path, GOOD, "my.parquet"), "y")
    with pytest.raises(UnknownName, match=r"unknown column of my\.csv 'yy'; did you mean y"):
        read_table(write(tmp_path, GOOD), "yy")
    with pytest.raises(TableError, match="not the target 'y'"):
        read_table(write(tmp_path, GOOD), "y", ["a", "y"])


def test_every_row_is_dealt_once_and_training_rows_nest():
    task, keys = table(), ("train", "validation", "test")
    dataset = sample(task, 0, Shares())
    assert [len(getattr(dataset, key).y) for key in keys] == [60, 20, 20]
    assert sorted(np.concatenate([getattr(dataset, key).y for key in keys])) == sorted(task.y)
    fewer = sample(task, 0, Shares(30, 0.2, 20))
    np.testing.assert_array_equal(fewer.train.y, dataset.train.y[:30])
    np.testing.assert_array_equal(fewer.test.y, dataset.test.y)
    np.testing.assert_array_equal(fewer.validation.y, dataset.validation.y)
    np.testing.assert_array_equal(sample(task, 0, SplitSizes(30, 20, 20)).train.x, fewer.train.x)
    assert not np.array_equal(sample(task, 1, Shares()).test.y, dataset.test.y)


def test_inputs_are_scaled_by_the_training_rows_only_as_scikit_learn_does():
    task = table()
    dataset = sample(task, 0, Shares())
    row = {value: i for i, value in enumerate(task.y)}
    raw = {key: task.x[[row[y] for y in getattr(dataset, key).y]] for key in ("train", "validation", "test")}
    scaler = MinMaxScaler((-1, 1)).fit(raw["train"])
    for key, rows in raw.items():
        np.testing.assert_allclose(getattr(dataset, key).x, scaler.transform(rows), rtol=0, atol=1e-12)
    beyond = [sample(task, seed, Shares()).test.x for seed in range(5)]
    assert max(abs(x).max() for x in beyond) > 1.0  # nothing is clamped


def test_an_input_that_is_constant_on_the_training_rows_tells_nothing():
    x = np.stack([np.arange(50.0), (np.arange(50) == 7) * 1.0], axis=1)
    task = table_task("rare", ("a", "b"), x, "y", np.arange(50.0))
    seeds = [seed for seed in range(20) if 7.0 not in sample(task, seed, Shares()).train.y]
    assert seeds
    for seed in seeds:
        dataset = sample(task, seed, Shares())
        assert not any(split.x[:, 1].any() for split in (dataset.train, dataset.validation, dataset.test))


def test_classes_have_their_share_in_every_split():
    task = table(300, ("rare", "some", "most"))
    whole = np.bincount(task.y.astype(int)) / 300
    dataset = sample(task, 0, Shares())
    for split in (dataset.train, dataset.validation, dataset.test):
        share = np.bincount(split.y.astype(int), minlength=3) / len(split.y)
        np.testing.assert_allclose(share, whole, atol=2 / len(split.y))


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        (Shares(0.6, 0.3, 0.2), "take 11 of 10 rows"),
        (Shares(8, 2, 2), "take 12 of 10 rows"),
        (Shares(0.1, 0.3, 0.3), "at least 2 rows; 10 rows give 1, 3 and 3"),
    ],
)
def test_tables_with_too_few_rows_are_refused(shares, sentence):
    with pytest.raises(ValueError, match=sentence):
        sample(table(10), 0, shares)


@pytest.mark.parametrize("wrong", [0.0, -0.2, 1.5, float("nan"), float("inf"), 1e300])
def test_shares_are_fractions_or_whole_numbers(wrong):
    with pytest.raises(ValueError, match="validation: must be a share of the rows between 0 and 1, or a number"):
        Shares(0.6, wrong, 0.2)


def test_conditions_that_a_table_cannot_be_put_under():
    with pytest.raises(ValueError, match="a table says nothing off its rows"):
        sample(table(), 0, Shares(), Conditions(extrapolation=0.2))
    with pytest.raises(ValueError, match="noise is added to numbers"):
        sample(table(300, ("x", "y", "z")), 0, Shares(), Conditions(noise=0.1))
    with pytest.raises(ValueError, match="a formula has none"):
        sample(load_suite("toy").task("product"), 0, Shares())


def test_bundled_tables_are_those_of_scikit_learn():
    suite = load_bundled()
    shapes = {task.name: (task.n_rows, task.n_inputs, len(task.classes)) for task in suite.tasks}
    assert shapes == {
        "diabetes": (442, 10, 0), "breast_cancer": (569, 30, 2), "digits": (1797, 61, 10), "wine": (178, 13, 3),
        "iris": (150, 4, 3), "linnerud": (20, 3, 0),
    }  # fmt: skip
    linnerud = datasets.load_linnerud()
    np.testing.assert_array_equal(suite.task("linnerud").y, linnerud.target)
    assert suite.task("linnerud").target == tuple(name.lower() for name in linnerud.target_names)
    assert suite.task("linnerud").grading.n_outputs == 3
    bunch = datasets.load_diabetes()
    np.testing.assert_array_equal(suite.task("diabetes").x, bunch.data)
    np.testing.assert_array_equal(suite.task("diabetes").y, bunch.target)
    assert np.ptp(suite.task("digits").x, axis=0).min() > 0
    assert suite.task("digits").note == "3 constant columns are left out"

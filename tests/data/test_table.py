"""Tables of your own and scikit-learn's: what is read, what is refused, how rows are dealt."""

import numpy as np
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
    UnknownName,
    load_bundled,
    load_suite,
    read_table,
    sample,
)
from kanbench.data.table import table_task

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
        ("a,b,y\n1,7,3\n2,7,4\n", r"column 'b' is constant \(7 in every row\)"),
        ("a,b,y\n1,2,3\n2,5,3\n", r"column 'y' is constant \(3 in every row\)"),
        ("a,a,y\n1,2,3\n2,5,4\n", r"the header has 'a' 2 times"),
        ("a,,y\n1,2,3\n2,5,4\n", r"column 2 has no name"),
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


def test_files_and_columns_that_are_not_there(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv: cannot be read \(No such file"):
        read_table(tmp_path / "none.csv", "y")
    with pytest.raises(TableError, match=r"my\.xlsx: must end in \.csv or \.parquet"):
        read_table(write(tmp_path, GOOD, "my.xlsx"), "y")
    with pytest.raises(TableError, match="not a Parquet file"):
        read_table(write(tmp_path, GOOD, "my.parquet"), "y")
    with pytest.raises(UnknownName, match=r"unknown column of my\.csv 'yy'; did you mean y"):
        read_table(write(tmp_path, GOOD), "yy")
    with pytest.raises(TableError, match="not the target y"):
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


@pytest.mark.parametrize("wrong", [0.0, -0.2, 1.5, float("nan")])
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
    shapes = {task.name: (task.n_rows, task.n_inputs, task.n_classes) for task in suite.tasks}
    assert shapes == {
        "diabetes": (442, 10, 0), "breast_cancer": (569, 30, 2), "digits": (1797, 61, 10), "wine": (178, 13, 3),
    }  # fmt: skip
    bunch = datasets.load_diabetes()
    np.testing.assert_array_equal(suite.task("diabetes").x, bunch.data)
    np.testing.assert_array_equal(suite.task("diabetes").y, bunch.target)
    assert np.ptp(suite.task("digits").x, axis=0).min() > 0
    assert suite.task("digits").note == "3 constant columns are left out"

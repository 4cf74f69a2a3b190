"""Tables with several targets, with classes, and with columns of text: what each cell becomes, by hand."""

import datetime

import numpy as np
import pandas as pd
import pytest

from kanbench.data import (
    Classification,
    Encoding,
    Kind,
    Regression,
    SeveralOutputs,
    Shares,
    TableError,
    class_prior,
    grade,
    read_table,
    sample,
    table_task,
)
from kanbench.data.metrics import grade_outputs
from kanbench.errors import UnknownName
from kanbench.methods import REFERENCES


def write(folder, text, name="my.csv"):
    path = folder / name
    path.write_text(text)
    return path


TWO = "a,y1,b,y2\n" + "".join(f"{i},{i * i},{i % 7},{1000 - 50 * i}\n" for i in range(30))


def test_several_targets_are_columns_of_y_in_the_order_in_which_they_are_named(tmp_path):
    task = read_table(write(tmp_path, TWO), ["y2", "y1"])
    assert (task.target, task.inputs, task.y.shape) == (("y2", "y1"), ("a", "b"), (30, 2))
    assert task.y[3].tolist() == [850.0, 9.0]
    assert task.grading == SeveralOutputs(("y2", "y1"))
    one = read_table(write(tmp_path, TWO), ["y1"])
    assert one == read_table(write(tmp_path, TWO), "y1")
    assert (one.target, one.grading, one.inputs) == ("y1", Regression(), ("a", "b", "y2"))


def test_every_target_is_scaled_by_its_own_training_rows_and_restored(tmp_path):
    task = read_table(write(tmp_path, TWO), ["y1", "y2"])
    data = sample(task, 0, Shares())
    scaled = task.grading.targets(data, data.train.y)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0)
    np.testing.assert_allclose(task.grading.predictions(data, scaled), data.train.y)


def test_the_error_of_several_outputs_is_the_mean_of_the_error_of_each():
    y = np.array([[1.0, 10.0], [2.0, 30.0], [4.0, 20.0]])
    predictions = y + np.array([[0.0, 5.0], [1.0, 0.0], [0.0, 0.0]])
    grades = grade_outputs(predictions, y, np.array([2.0, 20.0]), ("u", "v"))
    # ||(0, 1, 0)|| / ||(-1, 0, 2)|| = 1 / sqrt(5), and ||(5, 0, 0)|| / ||(-10, 10, 0)|| = 5 / sqrt(200)
    assert grades["rel_l2_u"] == pytest.approx(5**-0.5)
    assert grades["rel_l2_v"] == pytest.approx(8**-0.5)
    assert grades["rel_l2"] == pytest.approx((5**-0.5 + 8**-0.5) / 2)
    assert (grades["max_error_u"], grades["max_error_v"], grades["max_error"]) == (1.0, 5.0, 3.0)
    assert grades["r2"] == pytest.approx((0.8 + 0.875) / 2)


def test_two_equal_outputs_are_graded_as_one(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(2, 50, 1))
    both = np.hstack([y, y])
    pair = sample(table_task("t", ["x"], x, ["u", "v"], both), 0, Shares())
    alone = sample(table_task("t", ["x"], x, "u", y[:, 0]), 0, Shares())
    prediction = np.cos(alone.test.x)
    together = SeveralOutputs(("u", "v")).grade(pair, np.hstack([prediction] * 2), pair.test.y)
    for metric, value in Regression().grade(alone, prediction[:, 0], alone.test.y).items():
        for name in (metric, f"{metric}_u", f"{metric}_v"):
            assert together[name] == pytest.approx(value, rel=1e-12)


def test_the_ridge_of_two_outputs_does_not_depend_on_their_units():
    generator = np.random.default_rng(1)
    x = generator.uniform(-1, 1, (40, 4))
    y = np.stack([x[:, 0] ** 3, generator.normal(size=40)], axis=1)
    cubic = REFERENCES["regression"][2]
    plain, scaled = (cubic.fit(x[:20], y[:20] * unit, x[20:], y[20:] * unit) for unit in ([1, 1], [1e6, 1]))
    assert plain.ridge == scaled.ridge
    np.testing.assert_allclose(plain.predict(x) * [1e6, 1], scaled.predict(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("cells", "names", "codes"),
    [
        (["dog", "cat", "dog", " cat "], ("cat", "dog"), [1, 0, 1, 0]),
        (["True", "false", "TRUE", "true"], ("false", "true"), [1, 0, 1, 1]),
        (["no", "yes", "no", "yes"], ("no", "yes"), [0, 1, 0, 1]),
    ],
)
def test_a_target_of_text_or_of_true_and_false_is_a_class_by_itself(tmp_path, cells, names, codes):
    text = "a,y\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells))
    task = read_table(write(tmp_path, text), "y")
    assert (task.classes, task.y.tolist(), task.grading) == (names, codes, Classification(2))


def test_numbers_are_classes_on_request_in_the_order_of_the_numbers(tmp_path):
    path = write(tmp_path, "a,y\n1,10\n2,9\n3,2.5\n4,9.0\n")
    task = read_table(path, "y", kind=Kind.classification)
    assert (task.classes, task.y.tolist()) == (("2.5", "9", "10"), [2, 1, 0, 1])
    assert read_table(path, "y").y.tolist() == [10, 9, 2.5, 9]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (
            ["12345678901234567890", "12345678901234567891", "7", "7.0"],
            ("7", "12345678901234567890", "12345678901234567891"),
        ),
        (["01", "1", "10", "01"], ("01", "1", "10")),
        (["01234", "98765", "01234", "98765"], ("01234", "98765")),
        (["-0", "0", "+3", "3"], ("0", "3")),
        (["1e3", "1000", "0.50", ".5"], ("0.5", "1000")),
    ],
)
def test_different_numbers_and_codes_are_different_labels(tmp_path, cells, names):
    path = write(tmp_path, "a,c,y\n" + "".join(f"{i},{cell},{i * i}\n" for i, cell in enumerate(cells)))
    assert read_table(path, "c", ["a"], kind=Kind.classification).classes == names
    assert read_table(path, "y", encoding=Encoding(("c",))).inputs == ("a", *(f"c={name}" for name in names))


def test_dates_that_are_one_moment_are_constant(tmp_path):
    path = write(tmp_path, "a,day,y\n1,2026-01-03,4\n2,2026-01-03T00:00,3\n3,20260103,9\n")
    with pytest.raises(TableError, match=r"column 'day' is constant \('20260103' in every row\); leave it out"):
        read_table(path, "y", encoding=Encoding(dates=("day",)))


def test_a_column_of_numbers_and_names_is_told_which_word_takes_it_for_names(tmp_path):
    path = write(tmp_path, "a,c,y\n1,2,3\n2,3,4\n3,4,5+\n4,x,5+\n")
    with pytest.raises(
        TableError, match=r"'y' has 2 cells .* '5\+' in row 3; mend them, or say data.kind=classification if"
    ):
        read_table(path, "y", ["a"])
    with pytest.raises(TableError, match=r"'c' has 1 cell .* row 4; mend them, or say data.categorical=\[c\] if"):
        read_table(path, "a", ["c"])
    with pytest.raises(TableError, match=r"'5\+' in row 3$"):
        read_table(path, ["a", "y"], ["c"], encoding=Encoding(("c",)))
    assert read_table(path, "y", ["a"], kind=Kind.classification).classes == ("3", "4", "5+")


def test_zeros_and_ones_are_asked_about_with_both_words(tmp_path):
    path = write(tmp_path, "a,y\n1,0\n2,1\n3,1.0\n4,0\n")
    asked = "'y' of my.csv holds only 0 and 1; say data.kind=classification .*, or data.kind=regression"
    with pytest.raises(TableError, match=asked):
        read_table(path, "y")
    assert read_table(path, "y", kind=Kind.regression).y.tolist() == [0, 1, 1, 0]
    task = read_table(path, "y", kind=Kind.classification)
    assert (task.classes, task.y.tolist()) == (("0", "1"), [0, 1, 1, 0])


def test_parquet_booleans_dates_and_text_are_what_they_are_in_csv(tmp_path):
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(days=i) for i in range(4)]
    frame = pd.DataFrame({"c": ["u", "v", "u", "w"], "day": days, "y": [True, False, True, True]})
    frame.to_parquet(tmp_path / "my.parquet")
    frame.to_csv(tmp_path / "my.csv", index=False)
    encoding = Encoding(categorical=("c",), dates=("day",))
    read, written = (read_table(tmp_path / f"my.{end}", "y", encoding=encoding) for end in ("parquet", "csv"))
    assert read.digest == written.digest
    assert read.inputs == ("c=u", "c=v", "c=w", "day")
    assert read.x.tolist() == [[1, 0, 0, 20454], [0, 1, 0, 20455], [1, 0, 0, 20456], [0, 0, 1, 20457]]
    assert datetime.date(1970, 1, 1) + datetime.timedelta(days=20454) == days[0]
    categories = frame.assign(c=frame.c.astype("category"))
    categories.to_parquet(tmp_path / "my.parquet")
    assert read_table(tmp_path / "my.parquet", "y", encoding=encoding).digest == written.digest


def test_categories_become_one_column_each_and_ordered_values_their_rank(tmp_path):
    text = "size,a,city,y\nbig,1,Oslo,3\nsmall,2,Bonn,4\nmid,3,Oslo,5\nbig,3,Rome,9\n"
    encoding = Encoding(categorical=("city",), ordinal={"size": ["small", "mid", "big", "huge"]})
    task = read_table(write(tmp_path, text), "y", encoding=encoding)
    assert task.inputs == ("size", "a", "city=Bonn", "city=Oslo", "city=Rome")
    by_pandas = pd.get_dummies(pd.DataFrame({"city": ["Oslo", "Bonn", "Oslo", "Rome"]}), dtype=float).to_numpy()
    np.testing.assert_array_equal(task.x[:, 2:], by_pandas)
    assert task.x[:, :2].tolist() == [[2, 1], [0, 2], [1, 3], [2, 3]]
    numbers = read_table(write(tmp_path, text.replace("a", "b")), "y", ["b"], encoding=Encoding(("b",)))
    assert numbers.inputs == ("b=1", "b=2", "b=3")


def test_times_are_days_and_a_zone_counts(tmp_path):
    text = "t,y\n1970-01-02,1\n1970-01-01 06:00,2\n1970-01-01T06:00+06:00,4\n19700111,5\n"
    assert read_table(write(tmp_path, text), "y", encoding=Encoding(dates=("t",))).x[:, 0].tolist() == [1, 0.25, 0, 10]


@pytest.mark.parametrize(
    ("text", "given", "sentence"),
    [
        (
            "c,y\nu,1\nv,2\n",
            {},
            r"'c' is no column of numbers \('u' in row 1\); leave .*, or say data.categorical=\[c\]",
        ),
        ("d,y\n2026-01-01,1\n2026-01-02,2\n", {}, r"'d' is no column of numbers .*, or say data.dates=\[d\]"),
        ("c,y\nu,1\n,2\nNA,3\n", {"categorical": ("c",)}, r"'c' has 2 missing values, the first in row 2; fill"),
        ("c,y\nu,1\nu,2\n", {"categorical": ("c",)}, r"'c' is constant \('u' in every row\)"),
        ("c,y\nu,1\nv,2\nw,3\n", {"categorical": ("c",)}, r"'c' has 3 different values in 3 rows, too many"),
        (
            "c,y\nu,1\nv,2\n",
            {"ordinal": {"c": ["u"]}},
            r"'c' has 'v' in row 2, and data.ordinal orders other values: u",
        ),
        ("c,y\nu,1\nv,2\n", {"ordinal": {"c": ["u", "u"]}}, r"data.ordinal must name each value once, got u, u"),
        ("d,y\n2026-01-01,1\n31.5.26,2\n", {"dates": ("d",)}, r"'d' has '31.5.26' in row 2, which is no date in ISO"),
        ("c,y\nu,1\nv,2\n", {"categorical": ("y",)}, r"column 'y' is no input"),
        ("c,c=u,y\nu,1,1\nv,2,2\nu,3,3\n", {"categorical": ("c",)}, r"two inputs would have the name 'c=u'"),
        ("a,y\n1,u\n2,\n3,v\n", {}, r"column 'y' has 1 missing value, the first in row 2"),
        ("a,y\n1,u\n2,3\n3,v\n", {}, r"column 'y' has 2 cells without a number, the first 'u' in row 1"),
        ("a,y\n1,u\n2,u\n", {}, r"column 'y' is constant \('u' in every row\)"),
    ],
)
def test_what_is_wrong_with_labels_is_named_with_its_place(tmp_path, text, given, sentence):
    with pytest.raises(TableError, match=rf"^my\.csv: .*{sentence}"):
        read_table(write(tmp_path, text), "y", encoding=Encoding(**given))


def test_targets_that_cannot_go_together_are_refused(tmp_path):
    path = write(tmp_path, "a,y,c\n1,2,u\n2,5,v\n")
    for target, kind, sentence in [
        (["y", "c"], Kind.auto, "'c' is no column of numbers .*; only a single target can be a class"),
        ("c", Kind.regression, "'c' is no column of numbers .*; only a single target can be a class"),
        (["y", "a"], Kind.classification, "a classification has one target, got y, a"),
        (["y", "c", "a"], Kind.auto, "the inputs must be at least one column, each once, and not the targets"),
    ]:
        with pytest.raises(TableError, match=sentence):
            read_table(path, target, kind=kind)
    with pytest.raises(UnknownName, match=r"unknown column of my\.csv 'd'"):
        read_table(path, "y", encoding=Encoding(dates=("d",)))
    with pytest.raises(TableError, match="column 'a' can be only one of categorical, ordinal and dates"):
        Encoding(categorical=("a",), dates=("a",))


def test_splits_hold_every_class_or_say_which_one_is_missing_where():
    def with_rare(rows):
        y = np.r_[np.zeros(100 - rows), np.ones(rows)]
        return table_task("t", ["x"], np.arange(100.0)[:, None], "y", y, ["common", "rare"])

    for seed in range(30):
        data = sample(with_rare(6), seed, Shares())
        assert [part.y.sum() for part in (data.train, data.validation, data.test)] in ([4, 1, 1], [3, 1, 2], [3, 2, 1])
    refused = set()
    for seed in range(10):
        try:
            sample(with_rare(2), seed, Shares())
        except ValueError as error:
            refused.add(str(error).partition(" of seed")[0])
    start = "task t: the class 'rare' has 2 rows and none of them is in the "
    assert refused
    assert refused <= {f"{start}{split} split" for split in ("training", "validation", "test")}


def test_a_class_that_only_training_has_keeps_a_prior():
    np.testing.assert_allclose(class_prior(np.array([0.0, 0.0, 1.0]), 2), [3 / 5, 2 / 5])
    assert grade(np.ones(3), np.arange(3.0), 1.0)["rel_l2"] == pytest.approx(1.0)

"""Help by topic says what is there: every option, every setting, and examples that compose."""

import shlex

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from kanbench.cli.command import perform
from kanbench.cli.help import TOPICS, page
from kanbench.cli.word_checks import check_words
from kanbench.config.options import CONF
from kanbench.config.read import read_config, read_system
from kanbench.errors import UsageError


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_names_every_option_and_setting_and_fits_a_terminal(name):
    text = "\n".join(page(name))
    assert max(map(len, text.splitlines())) <= 80
    for path in CONF.glob(f"{TOPICS[name].group}/*.yaml"):
        assert f"  {TOPICS[name].group}={path.stem}" in text
        if name != "experiments":
            for key in set(OmegaConf.load(path)) - {"name"}:
                assert f"{key}=" in text


@pytest.mark.parametrize("name", TOPICS)
def test_the_example_of_a_topic_is_a_run(name):
    for example in TOPICS[name].more:
        check_words(shlex.split(example), CONF)
    words = shlex.split(TOPICS[name].example)
    check_words(words, CONF)
    overrides = [f"model@{word}" if word.startswith("baseline=") else word for word in words]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node = compose("config", overrides)
    if "system" in node:
        read_system(node)
    else:
        assert read_config(node).cells()


def test_a_command_is_explained_as_well_and_every_option_says_what_it_is(capsys):
    assert perform("help", "validate") == 0
    assert capsys.readouterr().out.startswith("usage: python -m kanbench validate")
    for name in ("bases", "models", "aggregations", "systems", "experiments"):
        lines = list(page(name))
        options = [i for i, line in enumerate(lines) if line.startswith(f"  {TOPICS[name].group}=")]
        assert all(lines[i + 1].startswith("      ") and not lines[i + 1][6:].startswith("name=") for i in options)
        assert "`Upbringing`" not in "\n".join(lines)


def test_topics_are_listed_and_groups_are_topics_too(capsys):
    assert perform("help") == 0
    listed = capsys.readouterr().out
    assert all(f"  {name}" in listed for name in TOPICS)
    assert {path.name for path in CONF.iterdir() if path.is_dir()} - {"hydra"} == {t.group for t in TOPICS.values()}
    perform("help", "basis")
    assert capsys.readouterr().out.startswith("bases: ")
    with pytest.raises(UsageError, match="unknown topic 'basses'; did you mean bases"):
        perform("help", "basses")

"""The example for `wandb sweep`: every command that an agent would make of it is a run."""

from itertools import product

import yaml
from hydra import compose, initialize_config_dir

from kanbench.cli.word_checks import check_words
from kanbench.config.options import CONF
from kanbench.config.read import read_config


def test_every_command_of_the_agent_composes():
    sweep = yaml.safe_load((CONF / "wandb_sweep.yaml").read_text())
    assert sweep["command"][-4:] == ["python", "-m", "kanbench", "${args_no_hyphens}"]
    choices = {key: node.get("values", [node.get("value")]) for key, node in sweep["parameters"].items()}
    labels = set()
    for values in product(*choices.values()):
        words = [f"{key}={value}" for key, value in zip(choices, values, strict=True)]  # as W&B fills args_no_hyphens
        check_words(words, CONF)
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = read_config(compose("config", words))
        labels.add(config.methods[0].label)
        assert (config.name, config.logger.mode) == ("wandb_sweep", "online")
    assert len(labels) == 10

"""`help TOPIC`: what can be chosen, from the registries and the YAML files, with an example that runs."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import yaml

from kanbench.cli.command import Command, add_config_dir, commands, perform
from kanbench.config.options import CONF, options, own_folder, suite_of
from kanbench.errors import UnknownName, UsageError, counted
from kanbench.files.places import PACKAGE
from kanbench.files.registry import documented

WIDTH = 80


@dataclass(frozen=True)
class Topic:
    """A config group: what it is, commands that use it, and the classes of its options."""

    group: str
    headline: str
    example: str
    classes: str = ""  # the folder of their files, and the class that they extend
    more: tuple[str, ...] = ()  # further examples


TOPICS = {
    "experiments": Topic("experiment", "questions that are set up, with everything that they need", "experiment=smoke"),
    "bases": Topic(
        "basis", "the functions on the edges of a KAN", "experiment=smoke basis=chebyshev basis.degree=8",
        "bases:Basis", ("basis=own basis.target=my.py:Sinc experiment=smoke",),
    ),
    "aggregations": Topic(
        "aggregation", "how a node combines its incoming edges", "experiment=smoke aggregation=mean"
    ),
    "models": Topic(
        "model", "what is compared: model against baseline, each a KAN, an MLP or your own",
        "experiment=smoke model.depth=2 baseline.activation=silu",
        more=("model=own model.target=my_kan.py:MyKAN experiment=smoke",),
    ),
    "suites": Topic(
        "data", "named lists of tasks, which `list SUITE` shows, and tasks of your own",
        "data=classic 'data.tasks=[nguyen_*]' name=nguyen",
        more=("data.suite=my_suite.yaml name=mine", "data=table data.path=my.csv data.target=y"),
    ),
    "optimizers": Topic(
        "optimizer", "how every method is trained; a run has one for all methods",
        "experiment=smoke optimizer=adam optimizer.steps=500",
        "training/optimizers:Optimizer",
    ),
    "budgets": Topic(
        "budget", "trainable parameters; widths are solved from them", "experiment=smoke 'budget.targets=[50,200]'"
    ),
    "searches": Topic(
        "search", "depths and sizes: as they are given, or the best by validation",
        "experiment=feynman search=shapes 'data.tasks=[I.6.2]'",
    ),
    "loggers": Topic("logger", "where training is logged beside the records", "experiment=smoke logger=wandb"),
    "trainer": Topic("trainer", "device, precision and worker processes", "experiment=smoke trainer.workers=1"),
    "systems": Topic(
        "system", "published experiments, their claims checked by running them", "experiment=hand_derived",
        "systems:System",
    ),
}  # fmt: skip


def add(parser: ArgumentParser) -> None:
    """Add the topic."""
    parser.add_argument("topic", metavar="TOPIC", nargs="?", help=f"one of {', '.join(TOPICS)}, or a command")
    add_config_dir(parser)


def show_help(given: Namespace) -> int:
    """List the topics, or print the page of the topic or command that is given."""
    own = own_folder(given.config_dir)
    if given.topic is None:
        print("python -m kanbench help TOPIC\n")
        for name, topic in TOPICS.items():
            print(f"  {name:13s} {topic.headline}")
        print("\npython -m kanbench --help            commands, groups and keys on one page")
        print("python -m kanbench COMMAND --help    one command, as `help COMMAND` does")
        return 0
    by_group = {group: name for name, topic in TOPICS.items() for group in (topic.group, f"{topic.group}s")}
    name = by_group.get(given.topic, given.topic)
    if name in commands() and name not in TOPICS:
        return perform(name, "--help")
    if name not in TOPICS:
        raise UsageError(str(UnknownName("topic", given.topic, [*TOPICS, *commands()])))
    print("\n".join(page(name, own)))
    return 0


def run_help() -> str:
    """Return the help of a run: groups, keys and examples, the same text as Hydra makes of its template."""
    text = yaml.safe_load((CONF / "hydra/help/kanbench.yaml").read_text(encoding="utf-8"))
    groups = sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name != "hydra")
    lines = "".join(f"{group}: {', '.join(options(group))}\n" for group in groups)
    filled = text["template"].replace("$APP_CONFIG_GROUPS", lines)
    return filled.replace("${hydra.help.header}", text["header"]).replace("${hydra.help.footer}", text["footer"])


def page(name: str, own: Path | None = None) -> Iterator[str]:
    """The lines of a topic, at most `WIDTH` wide where words allow; `own` holds config files of the user's own."""
    topic = TOPICS[name]
    yield f"{name}: {topic.headline}"
    yield ""
    defaults = (CONF / "config.yaml").read_text(encoding="utf-8")
    chosen = re.search(rf"- {topic.group}: (\w+)", defaults)
    for option, path in options(topic.group, own).items():
        mark = " (the default)" if chosen and chosen[1] == option else ""
        yield f"  {topic.group}={option}{mark}"
        if about := description(topic, path):
            yield fill(about, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
        yield from settings(topic.group, path)
    yield ""
    yield "examples" if topic.more else "example"
    for example in (topic.example, *topic.more):
        yield f"  python -m kanbench {example}"


def description(topic: Topic, path: Path) -> str:
    """The first paragraph about an option: of its class, of its suite, or of its YAML file."""
    text = path.read_text(encoding="utf-8")
    folder, _, base = topic.classes.partition(":")
    if base and (about := documented(PACKAGE / folder, base).get(path.stem)):
        return " ".join(about.partition("\n\n")[0].split())
    if (suite := suite_of(path)) and suite != "sklearn":  # which would be loaded, and is described by a comment
        from kanbench.data import find_suite
        from kanbench.files.yaml_file import FileError

        try:
            found = find_suite(suite)
        except (FileError, UnknownName) as error:
            return str(error)
        return f"{found.title}: {counted(len(found.tasks), 'task')}"
    comment = re.match(r"(?:# @package.*\n)?# (.*)", text)
    return comment[1] if comment else ""


def settings(group: str, path: Path) -> Iterator[str]:
    """The keys of an option with their defaults, one a line where the file says what they are, else together."""
    if group == "experiment":
        return
    plain = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if (found := re.match(r"(\w+): ([^#]+?)(?:\s+# (.*))?$", line)) and found[1] != "name":
            key, value, comment = found.groups()
            if comment:
                yield fill(f"{key}={value}  {comment}", WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 10)
            else:
                plain.append(f"{key}={value}")
    if plain:
        yield fill("  ".join(plain), WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


COMMAND = Command(
    line="list the topics, or explain one: what can be chosen, the settings of each, and examples",
    run=show_help,
    add=add,
    takes="takes at most one topic: python -m kanbench help bases",
)

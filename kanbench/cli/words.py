"""The words of a run, brought into the form that Hydra reads: flags first, values quoted, groups by Hydra's names."""

import re
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hydra import initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.conf import HydraConf
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from kanbench.cli.hints import hint_for
from kanbench.cli.word_checks import OPEN, check_sweep, check_words, groups
from kanbench.config.options import CONF, own_folder
from kanbench.errors import UsageError
from kanbench.files.stored_names import current_words

PRIMARY = "config"  # the name of the config that every run begins with
TEXTS = ("data.formula",)  # keys whose values are texts as they stand, commas and parentheses included
HYDRAS = {  # how Hydra names what the user calls by its place
    "baseline": "model@baseline",
    "baseline.basis": "basis@baseline.basis",
    "baseline.aggregation": "aggregation@baseline.aggregation",
}


@dataclass(frozen=True)
class Words:
    """flags: Hydra's, with their values.   overrides: key=value and the like.   name, folder: of the user's configs."""

    flags: tuple[str, ...]
    overrides: tuple[str, ...]
    name: str = PRIMARY
    folder: Path | None = None

    @classmethod
    def parse(cls, words: list[str]) -> "Words":
        """The same words as Hydra can read them; raises `UsageError` for those that cannot be run."""
        parser = get_args_parser()
        parser.allow_abbrev = False  # --experiment is none of its flags
        parser.error = _refuse  # type: ignore[method-assign]
        words = [current_words(word) for word in words]
        found, unknown = parser.parse_known_intermixed_args(words)
        if found.experimental_rerun is not None:
            unknown.append("--experimental-rerun")
        if unknown:
            plain = f"{unknown[0]}: the words of a run have no dashes before them, as in experiment=smoke"
            raise UsageError(hint_for(unknown[0]) or plain)
        _check_flags(found)
        _check_seeds(found.overrides, found.multirun)
        folder = own_folder(found.config_dir)
        own = [each for each in (found.config_path, folder) if each]
        check_words(found.overrides, CONF, *map(Path, own))
        overrides = tuple(map(_readable, found.overrides))
        for word in overrides:
            check_sweep(word, groups(CONF, *map(Path, own)))
        return cls(_without(words, found.overrides), overrides, found.config_name or PRIMARY, folder)

    def __iter__(self) -> Iterator[str]:
        return iter((*self.flags, *self.overrides))

    @property
    def remark(self) -> str:
        """A sentence about a sweep over numbers of seeds, which is rarely what is meant, or ""."""
        for word in self.overrides:
            if numbers := _seeds(word):
                several = " and ".join(map(str, numbers))
                said = f"{word} is a sweep over the number of seeds: runs of {several} seeds, with tables of their own"
                return f"{said}; {_meant(numbers)}"
        return ""

    @contextmanager
    def composing(self) -> Iterator[None]:
        """A block in which `hydra.compose(name, ...)` finds what these words name."""
        with initialize_config_dir(str(CONF), version_base="1.3"):
            if self.folder is not None:
                path = create_config_search_path(str(CONF))
                path.prepend("command-line", f"file://{self.folder}", SearchPathQuery(provider="schema"))
                GlobalHydra.instance().clear()
                Hydra.create_main_hydra2(task_name="kanbench", config_search_path=path)
            yield


def of_job(job: HydraConf) -> list[str]:
    """The words that make a job again: the flags that chose other configs than ours, and its own key=value."""
    flags = [f"--config-name={job.job.config_name}"] * (job.job.config_name != PRIMARY)
    for source in job.runtime.config_sources:
        if source.provider == "command-line":
            flags.append(f"--config-dir={source.path}")
        elif source.provider == "main" and Path(source.path) != CONF:
            flags.append(f"--config-path={source.path}")
    return [*flags, *map(_as_typed, job.overrides.task)]


def _as_typed(word: str) -> str:
    """Return a word in the form that a user would type, the shortest that `_readable` makes the same word of."""
    key, _, value = word.partition("=")
    short = {hydras: name for name, hydras in HYDRAS.items()}.get(key, key.removeprefix("++"))
    bare = re.sub(r"\\(['\\])", r"\1", value[1:-1]) if re.fullmatch("'.*'", value) else value
    for typed in (f"{short}={bare}", f"{short}={value}"):
        with suppress(UsageError):
            if _readable(typed) == word:
                return typed
    return word


def _check_flags(found: Namespace) -> None:
    """Raise `UsageError` for flags that mean nothing without --cfg."""
    for flag, does in (("resolve", "fills in the values"), ("package", "chooses a part")):
        if getattr(found, flag) and not found.cfg and not (flag == "resolve" and found.help):
            raise UsageError(f"--{flag}: {does} of a config that is printed; add --cfg job")


def _check_seeds(words: list[str], is_sweep: bool) -> None:
    """Raise `UsageError` for a list of seeds where their number stands."""
    for word in words:
        if (numbers := _seeds(word)) and not (is_sweep and "[" not in word):
            raise UsageError(f"{word}: seeds is how many there are; {_meant(numbers)}")


def _seeds(word: str) -> list[int]:
    """Return the numbers of seeds=1,2 or seeds=[1,2], and none for any other word."""
    listed = re.fullmatch(r"seeds=(\[\s*\d+(?:\s*,\s*\d+)*\s*\]|\d+(?:,\d+)+)", word)
    return [int(number) for number in re.findall(r"\d+", listed[1])] if listed else []


def _meant(seeds: list[int]) -> str:
    """Return the words that train these seeds, if they follow each other."""
    first, n = seeds[0], len(seeds)
    if seeds != list(range(first, first + n)):
        return f"seeds=N trains N seeds in a row, from first_seed on, as seeds={n} first_seed={first}"
    return f"seeds={n} first_seed={first} trains {'seed' if n == 1 else 'the seeds'} {', '.join(map(str, seeds))}"


def _without(words: list[str], overrides: list[str]) -> tuple[str, ...]:
    left, others = Counter(overrides), []
    for word in words:
        if left[word]:
            left[word] -= 1
        else:
            others.append(word)
    return tuple(others)


def _refuse(message: str) -> NoReturn:
    raise UsageError(message)


def _readable(word: str) -> str:
    """A word as Hydra reads it; `+` before a group is dropped, because every group has an option already."""
    key, equals, value = word.partition("=")
    if key.lstrip("+").partition("@")[0] in [*groups(CONF), "baseline"]:
        key = key.lstrip("+")
    if not value.startswith("{"):
        key = HYDRAS.get(key, key)
    is_text = key in TEXTS
    if OPEN.fullmatch(key):
        key = f"++{key}"
    if (pattern := re.fullmatch(r"glob\(([^=]+)\)", value)) and key in ("basis", HYDRAS["baseline.basis"]):
        value = f"glob({pattern[1]},exclude=own)"  # which needs a target
    readable = f"{key}={_quoted(value, is_text)}" if equals else word
    if not _parses(readable):
        raise UsageError(f"{word}: cannot be read as key=value")
    return readable


def _quoted(value: str, whole: bool = False) -> str:
    """A value with quotes around each part that Hydra's grammar cannot read, such as a name with an accent."""
    if _parses(f"key={value}"):
        return value
    if whole:
        return _quote(value)
    if value.startswith("[") and value.endswith("]"):
        return f"[{_quoted_parts(value[1:-1])}]"
    parts = _quoted_parts(value)
    return parts if _parses(f"key={parts}") else _quote(value)


def _quoted_parts(value: str) -> str:
    return ",".join(part if _parses(f"key={part}") else _quote(part) for part in value.split(","))


def _quote(text: str) -> str:
    if text.startswith("~/"):
        text = str(Path(text).expanduser())
    escaped = re.sub(r"(\\*)(?='|$)", r"\1\1", text).replace("'", r"\'")
    return f"'{escaped}'"


def _parses(word: str) -> bool:
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True

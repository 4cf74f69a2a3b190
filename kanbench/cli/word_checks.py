"""The checks of the words of a run against the configs: groups, options and keys, each fault in one sentence."""

import re
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob

from kanbench.cli.hints import hint_for
from kanbench.config.options import CONF, keys
from kanbench.errors import UnknownName, UsageError, installs

OPTIONAL = ("experiment", "system")
NEEDED = (
    *("basis", "aggregation", "model", "baseline", "data", "optimizer", "budget", "trainer", "logger"),
    *("name", "results", "seeds", "first_seed", "vary", "report", "references", "shard"),
)
OPEN = re.compile(r"\w+(\.basis)?\.kwargs(\..+)?")  # mappings that may get any key, which Hydra takes with ++ only
BESIDE_SYSTEM = ("experiment", "system", "name", "results")


def check_words(words: list[str], *folders: Path) -> None:
    """Raise `UsageError` for a word that is not key=value, and for a group, option or key that no config below one of
    the folders has.

    Hydra would say the same at the length of a page, and without the nearest name. `+key=value` and Hydra's own keys
    pass.
    """
    for word in words:
        if word.startswith("hydra/launcher="):
            _check_launcher(word)
    options = groups(*folders)
    primaries = [CONF / "config.yaml", *(path for folder in folders[1:] for path in folder.glob("*.yaml"))]
    top = [*options, "baseline", *(key for path in primaries for key in keys(path))]
    for word in words:
        key, equals, value = word.lstrip("+").partition("=")
        place = key.removeprefix("baseline.") if re.match(r"baseline\.(basis|aggregation)\b", key) else key
        head, _, field = place.partition("@")[0].partition(".")
        field = "kwargs" if OPEN.fullmatch(key) else field
        if word.startswith("~"):
            _check_removal(word)
            continue
        if head.startswith("hydra"):
            continue
        if not equals:
            raise UsageError(hint_for(word) or f"{word!r} is not of the form key=value")
        if head == "results" and not value.strip(" '\""):
            raise UsageError(f"{word}: must name a folder; without the word it is results/runs")
        paths = options.get("model" if head == "baseline" else head)
        known = sorted({key for path in paths or () for key in keys(path)} - {"name"})
        if (head not in top or (field and paths and field not in known)) and (hint := hint_for(word)):
            raise UsageError(hint)
        if word.startswith("+") and (field or paths is None):
            continue
        if head not in top:
            raise _unknown("key", head, top)
        if paths is None:
            continue
        if field == "name":
            raise UsageError(f"{word}: {head}=... chooses the option, of which {head}.name is a part")
        if field:
            if field not in known:
                chosen = _keys_of_chosen(key.removesuffix(f".{field}"), words, paths)
                raise _unknown(f"key of {head}", field, chosen or known)
        elif value == "null" and head in OPTIONAL:
            raise UsageError(f"{word}: leave the word out; without it there is no {head}")
        elif not re.match(r"{|\w+\(", value):  # neither a dictionary nor Hydra's choice(..), glob(..)
            without = {"none"} if head == "model" else set()
            _check_options(word, value.split(","), sorted({path.stem for path in paths} - without))


def _keys_of_chosen(group: str, words: list[str], paths: list[Path]) -> list[str]:
    """Return the keys of the options of a group that a run has by its words, its experiment or our defaults."""
    of_word = dict(re.findall(r"^\+?([\w.]+)=(.*)$", "\n".join(words), flags=re.MULTILINE))
    chosen = of_word.get(group, "").split(",")
    for path in (CONF / "experiment" / f"{of_word.get('experiment')}.yaml", CONF / "config.yaml"):
        if chosen == [""] and path.exists():
            text = path.read_text(encoding="utf-8")
            chosen = re.findall(
                rf"^ +- (?:override )?/?(?:\w+@)?{re.escape(group)}: (\w+)$", text, flags=re.MULTILINE
            ) or [""]
    return sorted({key for path in paths if path.stem in chosen for key in keys(path)} - {"name"})


def groups(*folders: Path) -> dict[str, list[Path]]:
    """The groups that can be chosen from, each with the files of its options."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for path in folder.glob("*/*.yaml"):
            if path.parent.name != "hydra":
                found.setdefault(path.parent.name, []).append(path)
    return found


def check_sweep(word: str, options: dict[str, list[Path]]) -> None:
    """Raise `UsageError` for a sweep over no values, which would end at once and look like a success."""
    override = OverridesParser.create().parse_override(word)
    if not override.is_discrete_sweep():
        return
    group = override.key_or_group
    names = sorted({path.stem for path in options.get(group, [])})
    if isinstance(pattern := override.value(), Glob):
        if names and not pattern.filter(names):
            raise UsageError(f"{word}: no option of {group} has such a name (options: {', '.join(names)})")
    elif next(override.sweep_iterator(), None) is None:
        raise UsageError(f"{word}: holds no value, so nothing would run")


def _check_launcher(word: str) -> None:
    if find_spec("submitit") is None:
        raise UsageError(f"hydra/launcher needs the package submitit: {installs('slurm')}")
    if "slurm" in word and which("srun") is None:
        raise UsageError(f"{word}: there is no Slurm here; hydra/launcher=local_parallel is for one machine")


def _check_removal(word: str) -> None:
    """Raise `UsageError` for ~key where the key is one that every run needs."""
    key = word[1:].partition("=")[0]
    head = "baseline" if key.endswith("@baseline") else key
    if head in NEEDED:
        raise UsageError(f"{word}: every run needs a value of {head}; without the word it has its default")


def check_words_beside_system(words: list[str]) -> None:
    """Raise `UsageError` for a word that a system would not read."""
    for word in words:
        head = re.split(r"[.=@]", word.lstrip("+~"))[0]
        if head not in BESIDE_SYSTEM and not head.startswith("hydra"):
            raise UsageError(
                f"{word}: a system has settings of its own, system.*; beside them only "
                f"{', '.join(BESIDE_SYSTEM)} can be set"
            )


def _check_options(word: str, options: list[str], known: list[str]) -> None:
    for option in options:
        if option not in known:
            raise UsageError(f"{word}: {_unknown('option', option, known)} (options: {', '.join(known)})")


def _unknown(kind: str, name: str, known: list[str]) -> UsageError:
    return UsageError(str(UnknownName(kind, name, known)))

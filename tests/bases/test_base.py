"""What settings of every kind share: choices by their name, and one sentence for what is none."""

from dataclasses import dataclass
from enum import StrEnum, auto

import pytest

from kanbench.errors import chosen, take_choices


class Colour(StrEnum):
    red = auto()
    blue = auto()


@dataclass(frozen=True)
class Settings:
    """A setting that is a choice beside one that is none."""

    colour: Colour = Colour.red
    size: int = 3

    def __post_init__(self) -> None:
        take_choices(self)


def test_a_choice_may_be_named():
    assert Settings("blue") == Settings(Colour.blue)
    assert type(Settings("blue").colour) is Colour
    assert chosen(Colour, "colour", "red") is Colour.red
    assert Settings("blue", 4).size == 4


def test_what_is_no_choice_is_refused_with_all_that_are():
    with pytest.raises(ValueError, match=r"^colour must be red or blue, got 'green'$"):
        Settings("green")

"""Networks as files: tensors in a safetensors file, the architecture as JSON in its metadata.

Any reader of safetensors opens the files.
"""

from kanbench.checkpoint.annotations import Names, Pairs, Units
from kanbench.checkpoint.architecture import build, describe
from kanbench.checkpoint.format import pack
from kanbench.checkpoint.networks import load, load_names, load_notes, load_units, save

__all__ = [
    "Names",
    "Pairs",
    "Units",
    "build",
    "describe",
    "load",
    "load_names",
    "load_notes",
    "load_units",
    "pack",
    "save",
]

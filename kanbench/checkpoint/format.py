"""The bytes of a file: tensors as safetensors, the rest as JSON in its metadata, with the format and a checksum.

Files of earlier versions, which are torch archives behind a line with their checksum, are read too.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from kanbench.checkpoint.annotations import NAMELESS, Names, Units
from kanbench.files.sealed import Damaged, Seal, parse_json, read_whole

EARLIER = Seal("network", format=1)
FORMAT = 2
PARTS = ("architecture", "frozen", "names", "units", "notes")  # of the metadata, as JSON


def pack(
    architecture: Any,
    frozen: Any,
    tensors: Mapping[str, Tensor],
    names: Names = NAMELESS,
    units: Units | None = None,
    notes: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the bytes of a file: tensors by name, and in the metadata the rest as JSON, the format and a checksum."""
    facts = {"kanbench_network": str(FORMAT), "architecture": json.dumps(architecture), "frozen": json.dumps(frozen)}
    if names != NAMELESS:
        facts["names"] = json.dumps(asdict(names))
    if units is not None:
        facts["units"] = json.dumps(asdict(units), allow_nan=False)
    if notes:
        facts["notes"] = json.dumps(dict(notes), allow_nan=False)
    apart = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    facts["sha256"] = _checksum(safetensors.torch.save(apart, facts))
    return safetensors.torch.save(apart, facts)


def content_of(path: Path) -> Any:
    """Read the architecture, the frozen parameters and the tensors of a file of any format."""
    content = read_whole(path)
    if content[8:9] != b"{":  # where the JSON of a safetensors file begins
        return _earlier_content(path)
    try:
        facts = _header(content)["__metadata__"]
        found, checksum = int(facts["kanbench_network"]), facts["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path}: not a network of kanbench") from error
    if found != FORMAT:
        raise Damaged(f"{path}: a network of format {found}, this version reads 1 to {FORMAT}")
    if _checksum(content) != checksum:
        raise Damaged(f"{path}: the content does not match its checksum; the file is damaged or cut short")
    try:
        described = {name: parse_json(facts[name]) for name in PARTS if name in facts}
        return described | {"tensors": safetensors.torch.load(content)}
    except Exception as error:
        raise no_network(path, error) from error


def _earlier_content(path: Path) -> Any:
    body = io.BytesIO(EARLIER.read(path))
    try:
        return torch.load(body, map_location="cpu", weights_only=True)
    except Exception as error:
        raise no_network(path, error) from error


def no_network(path: str | Path, error: Exception) -> Damaged:
    """Return the error for content that means nothing to torch or to a layer."""
    return Damaged(f"{path}: holds no network that this version can build ({type(error).__name__})")


def _header(content: bytes) -> Any:
    """Parse the JSON of a safetensors file, whose length is in the first 8 bytes."""
    return parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])


def _checksum(content: bytes) -> str:
    """Return the SHA-256 of a safetensors file, apart from the checksum in its metadata: the header and all tensors."""
    header = _header(content)
    header["__metadata__"].pop("sha256", None)
    body = content[8 + int.from_bytes(content[:8], "little") :]
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode() + body).hexdigest()

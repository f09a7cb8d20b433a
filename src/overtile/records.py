"""Sealed records: JSON that a person can read, of a closed schema, where any change is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from overtile.config import Settings
from overtile.errors import RecordError
from overtile.seal import UNSEALED, is_whole, seal
from overtile.storage import write_bytes

_Schema = TypeVar("_Schema", bound=Settings)


def write_record(path: Path, record: Settings) -> None:
    """Write `record` as indented JSON that ends in a new line, whole or not at all."""
    content = {"seal": UNSEALED, **record.model_dump(mode="json")}
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    write_bytes(path, seal(text.encode()))


def read_record(path: Path, schema: type[_Schema]) -> _Schema:
    """Read a record back.

    Raises
    ------
    RecordError
        If it cannot be read, was changed by so much as a bit, or is of another schema.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"cannot be read ({error.strerror or error})",
            remedy="give a folder that overtile wrote",
            path=path,
        ) from error
    if not is_whole(content):
        raise RecordError(
            "is damaged, or was changed by hand", remedy="bring back the file", path=path
        )
    try:
        fields: dict[str, Any] = json.loads(content)
        del fields["seal"]
        return schema.model_validate_json(json.dumps(fields))
    except (ValidationError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(
            "was written by another release", remedy="update overtile", path=path
        ) from error

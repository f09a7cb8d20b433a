from __future__ import annotations

import json
from pathlib import Path

import pytest

from overtile.config import Settings
from overtile.errors import RecordError
from overtile.records import read_record, write_record
from overtile.seal import UNSEALED, seal


class Counted(Settings):
    name: str
    cells: tuple[int, ...]


RECORD = Counted(name="Zürich", cells=(1, 2))


def sealed(text: str) -> bytes:
    return seal(text.replace("SEAL", UNSEALED).encode())


def test_a_record_comes_back(tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", RECORD)
    assert read_record(tmp_path / "a.json", Counted) == RECORD


def test_a_record_is_json_that_a_person_can_read(tmp_path: Path) -> None:
    write_record(tmp_path / "a.json", RECORD)
    text = (tmp_path / "a.json").read_text("utf-8")
    assert text.splitlines()[2] == '  "name": "Zürich",'
    assert text.endswith("}\n")
    assert json.loads(text)["cells"] == [1, 2]


def test_a_record_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_record(path, RECORD)
    path.write_text(path.read_text("utf-8").replace("2", "3", 1), "utf-8")
    with pytest.raises(RecordError, match=r"a\.json: is damaged, or was changed by hand; bring"):
        read_record(path, Counted)


def test_a_record_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.json: cannot be read \(No such file"):
        read_record(tmp_path / "none.json", Counted)


@pytest.mark.parametrize(
    "text",
    [
        '{"seal": "SEAL", "name": "a", "cells": [], "more": 1}',
        '{"seal": "SEAL", "name": "a"}',
        '{"seal": "SEAL", "name": "a", "cells": [1.5]}',
        '{"other": "SEAL", "name": "a", "cells": []}',
        '["SEAL"]',
        '"SEAL"',
        '{"seal": "SEAL", "name": ' + "[" * 100_000,
        '{"seal": "SEAL", "name": "\\ud800", "cells": []}',
        '{"seal": "SEAL", "name": "a", "cells": [' + "1" * 5000 + "]}",
    ],
    ids=["more", "less", "type", "no seal", "list", "text", "deep", "half a letter", "long number"],
)
def test_a_sealed_record_of_another_schema_asks_for_another_release(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.json").write_bytes(sealed(text))
    with pytest.raises(RecordError, match="was written by another release; update overtile"):
        read_record(tmp_path / "a.json", Counted)

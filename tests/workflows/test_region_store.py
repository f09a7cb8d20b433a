"""Regions of an image, kept until its results are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from overtile.errors import RecordError
from overtile.inference.region_labels import Region
from overtile.workflows.region_store import RegionStore, StoreRecord

REGION = Region(slice(0, 3), slice(4, 8))
ARRAYS: dict[str, NDArray[Any]] = {
    "pieces": np.arange(12, dtype=np.uint32).reshape(3, 4),
    "foreground": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4),
}


def store(folder: Path, **changes: Any) -> RegionStore:  # noqa: ANN401
    fields: dict[str, Any] = {"image_sha256": "1", "model_sha256": "2", "precision": "fp32"}
    record = StoreRecord(**fields | {"kinds": ("labels",)} | changes)
    return RegionStore(folder, "cell.tif", record)


def file_of(one: RegionStore) -> Path:
    return next(one.folder.glob("*.region"))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    one = store(tmp_path)
    assert not one.has(2, REGION)
    one.keep(2, REGION, ARRAYS)
    assert one.has(2, REGION)
    assert not one.has(1, REGION)
    for name, expected in ARRAYS.items():
        found = one.load(2, REGION, name)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


def test_the_next_call_goes_on_with_it(tmp_path: Path) -> None:
    store(tmp_path).keep(0, REGION, ARRAYS)
    assert store(tmp_path).has(0, REGION)


@pytest.mark.parametrize(
    "changes",
    [{"image_sha256": "3"}, {"model_sha256": "3"}, {"precision": "bf16"}, {"kinds": ("overlay",)}],
)
def test_regions_of_anything_else_are_gone(tmp_path: Path, changes: dict[str, Any]) -> None:
    store(tmp_path).keep(0, REGION, ARRAYS)
    assert not store(tmp_path, **changes).has(0, REGION)


@pytest.mark.parametrize("place", [0, 30, 200, -1])
def test_a_flipped_bit_is_noticed(tmp_path: Path, place: int) -> None:
    one = store(tmp_path)
    one.keep(0, REGION, ARRAYS)
    content = bytearray(file_of(one).read_bytes())
    content[place] ^= 4
    file_of(one).write_bytes(content)
    assert not one.has(0, REGION)
    with pytest.raises(RecordError, match="is damaged or gone; predict again"):
        one.load(0, REGION, "pieces")


def test_a_region_that_was_never_saved_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is damaged or gone"):
        store(tmp_path).load(0, REGION, "pieces")


def test_nothing_is_left_once_it_is_cleared(tmp_path: Path) -> None:
    one = store(tmp_path)
    one.keep(0, REGION, ARRAYS)
    one.clear()
    assert list(tmp_path.iterdir()) == []

"""Regions of one image that are predicted: kept beside the results until these are written."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overtile.choices import InferencePrecision
from overtile.config import Settings
from overtile.errors import RecordError
from overtile.inference.region_labels import Region
from overtile.records import read_record, write_record
from overtile.seal import UNSEALED, is_whole, seal
from overtile.storage import make_folder, remove_folder, write_bytes

STORE_SUFFIX = ".overtile-regions"
_RECORD_NAME = "belongs_to.json"
_FASTEST_COMPRESSION = 1


class StoreRecord(Settings):
    """What regions belong to: those of anything else are not used."""

    image_sha256: str
    model_sha256: str
    precision: InferencePrecision
    kinds: tuple[str, ...]
    """Names of the arrays of each region."""


class RegionStore:
    """A hidden folder of finished regions, one sealed file each.

    A call that was killed leaves it, and the next one goes on with what it holds. It is removed
    once all results of the image are written.

    Parameters
    ----------
    folder : path
        Where results go; it must exist and be held.
    name : str
        Of the image.
    record : StoreRecord
    """

    def __init__(self, folder: Path, name: str, record: StoreRecord) -> None:
        self.folder = folder / f".{name}{STORE_SUFFIX}"
        try:
            ours = read_record(self.folder / _RECORD_NAME, StoreRecord) == record
        except RecordError:
            ours = False
        if not ours:
            self.clear()
            make_folder(self.folder)
            write_record(self.folder / _RECORD_NAME, record)

    def has(self, page: int, region: Region) -> bool:
        """Say whether a region is there, and whole."""
        try:
            return is_whole(self._path(page, region).read_bytes())
        except OSError:
            return False

    def keep(self, page: int, region: Region, arrays: dict[str, NDArray[Any]]) -> None:
        """Write the arrays of a region, whole or not at all.

        Raises
        ------
        OutputError
            If there is no room, or the place cannot be written to.
        """
        header, content = [], []
        for name, array in arrays.items():
            # Labels shrink to little; probabilities hardly do, and take long.
            smaller = array.dtype.kind == "u"
            raw = np.ascontiguousarray(array).tobytes()
            content.append(zlib.compress(raw, _FASTEST_COMPRESSION) if smaller else raw)
            kind = {"name": name, "dtype": array.dtype.str, "shape": array.shape}
            header.append(kind | {"bytes": len(content[-1]), "compressed": smaller})
        first = json.dumps({"seal": UNSEALED, "arrays": header}).encode() + b"\n"
        write_bytes(self._path(page, region), seal(b"".join([first, *content])))

    def load(self, page: int, region: Region, name: str) -> NDArray[Any]:
        """Read an array of a region back.

        Raises
        ------
        RecordError
            If the file is gone, or not as it was written.
        """
        path = self._path(page, region)
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        if not is_whole(content):
            raise RecordError(
                "is damaged or gone", remedy="predict again: only this part is made anew", path=path
            )
        first, _, rest = content.partition(b"\n")
        place = 0
        for kind in json.loads(first)["arrays"]:
            part = memoryview(rest)[place : place + kind["bytes"]]
            place += kind["bytes"]
            if kind["name"] == name:
                raw = zlib.decompress(part) if kind["compressed"] else part
                return np.frombuffer(raw, np.dtype(kind["dtype"])).reshape(kind["shape"])
        raise RecordError("lacks what is asked for", remedy="remove that file", path=path)

    def clear(self) -> None:
        """Remove the folder and all that is in it."""
        remove_folder(self.folder)

    def _path(self, page: int, region: Region) -> Path:
        return self.folder / f"{page}-{region.rows.start}-{region.columns.start}.region"

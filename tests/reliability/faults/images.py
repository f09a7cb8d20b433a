"""Images that cannot be trained on: each must be found by `overtile check`."""

from __future__ import annotations

import numpy as np

from faults.place import Array, Case, Cases, both, draw, each, grey, one, pair, rgb, tif

_NAME = "images/cell1.tif"
_RNG = np.random.default_rng(0)


def _with(value: float, at: tuple[int, ...] = (3, 4)) -> Array:
    pixels = pair(1)[0].astype(np.float32)
    pixels[at] = value
    return pixels


def _flat(value: float, dtype: str = "uint8") -> Array:
    return np.full((48, 40), value, dtype)


def _colour(array: Array) -> Array:
    return np.stack([array, array // 2, 255 - array])


FAULTS: Cases = {
    "one NaN": Case(
        spoil=tif(_NAME, _with(np.nan)),
        told=("cell1.tif: holds 1 NaN or infinite pixels", "replace them by a grey value"),
    ),
    "infinity": Case(
        spoil=tif(_NAME, _with(np.inf)), told=("cell1.tif: holds 1 NaN or infinite", "replace")
    ),
    "minus infinity": Case(
        spoil=tif(_NAME, _with(-np.inf)), told=("cell1.tif: holds 1 NaN or infinite", "replace")
    ),
    "NaN all over": Case(
        spoil=tif(_NAME, _flat(np.nan, "float32")),
        told=("cell1.tif: holds 1920 NaN or infinite pixels, the first on page 0", "replace"),
    ),
    "NaN in every image": Case(
        spoil=each("images", lambda a: np.where(a > 99, np.nan, a).astype(np.float32)),
        told=("cell0.tif: holds ", "NaN or infinite pixels", "replace"),
    ),
    "NaN at half precision": Case(
        spoil=tif(_NAME, _with(np.nan).astype(np.float16)),
        told=("cell1.tif: holds 1 NaN", "replace"),
    ),
    "complex numbers": Case(
        spoil=tif(_NAME, _with(1).astype(np.complex64)),
        told=("cell1.tif: holds complex64 pixels", "save real numbers"),
    ),
    "black": Case(spoil=tif(_NAME, _flat(0)), told=("cell1.tif: every pixel is 0", "leave it out")),
    "white": Case(
        spoil=tif(_NAME, _flat(255)), told=("cell1.tif: every pixel is 255", "leave it out")
    ),
    "one value of 16 bit": Case(
        spoil=tif(_NAME, _flat(40_000, "uint16")),
        told=("cell1.tif: every pixel is 40000", "export the image again"),
    ),
    "one value of float": Case(
        spoil=tif(_NAME, _flat(0.5, "float32")), told=("cell1.tif: every pixel is 0.5", "again")
    ),
    "black in colour": Case(
        spoil=both(
            each("images", _colour, planarconfig="separate", photometric="rgb"),
            tif(_NAME, np.zeros((48, 40, 3), np.uint8), photometric="rgb"),
        ),
        told=("cell1.tif: every pixel is 0", "leave it out"),
    ),
    "a single pixel": Case(
        spoil=both(
            tif(_NAME, np.ones((1, 1), np.uint8)), tif("labels/cell1.tif", np.ones((1, 1), "u1"))
        ),
        told=("cell1.tif: every pixel is 1", "leave it out"),
    ),
    "colour among grey": Case(
        spoil=draw("images/cell1.png", rgb),
        told=("cell1.png: has 3 channels, cell0.tif has 1", "images of one kind"),
    ),
    "grey among colour": Case(
        spoil=both(
            each("images", _colour, planarconfig="separate", photometric="rgb"),
            draw("images/cell1.png", grey),
        ),
        told=("cell1.png: has 1 channels, cell0.tif has 3", "images of one kind"),
    ),
    "two channels among grey": Case(
        spoil=one(_NAME, lambda a: np.stack([a, 255 - a]), imagej=True, metadata={"axes": "CYX"}),
        told=("cell1.tif: has 2 channels, cell0.tif has 1", "images of one kind"),
    ),
    "five channels among grey": Case(
        spoil=one(
            _NAME, lambda a: np.stack([a + n for n in range(5)]), ome=True, metadata={"axes": "CYX"}
        ),
        told=("cell1.tif: has 5 channels, cell0.tif has 1", "images of one kind"),
    ),
    "turned by 90 degrees": Case(
        spoil=one(_NAME, np.rot90), told=("image is 40x48 px, its labels 48x40 px", "same size")
    ),
    "rows and columns exchanged": Case(
        spoil=one(_NAME, np.transpose), told=("image is 40x48 px, its labels 48x40 px", "size")
    ),
    "one row less": Case(
        spoil=one(_NAME, lambda a: a[1:]), told=("image is 47x40 px, its labels 48x40", "same size")
    ),
    "one column more": Case(
        spoil=one(_NAME, lambda a: np.pad(a, ((0, 0), (0, 1)))),
        told=("image is 48x41 px, its labels 48x40 px", "same size"),
    ),
    "half the size": Case(
        spoil=one(_NAME, lambda a: a[::2, ::2]),
        told=("image is 24x20 px", "same size"),
    ),
    "twice the size": Case(
        spoil=one(_NAME, lambda a: np.kron(a, np.ones((2, 2), np.uint8))),
        told=("image is 96x80 px, its labels 48x40 px", "same size"),
    ),
    "a z-stack with labels of one slice": Case(
        spoil=one(_NAME, lambda a: np.stack([a + n for n in range(5)])),
        told=("cell1.tif: has 5 pages, its labels cell1.tif have 1", "as many label pages"),
    ),
    "a time series with labels of one frame": Case(
        spoil=one(
            _NAME,
            lambda a: np.stack([a + n for n in range(7)]),
            imagej=True,
            metadata={"axes": "TYX"},
        ),
        told=("cell1.tif: has 7 pages, its labels cell1.tif have 1", "--axes CYX"),
    ),
    "channels that no metadata tell": Case(
        spoil=each("images", lambda a: np.stack([a, a // 2, a // 3])),
        told=("cell0.tif: has 3 pages, its labels cell0.tif have 1", "if pages are channels"),
    ),
    "channels last that no metadata tell": Case(
        spoil=each("images", lambda a: np.dstack([a, a // 2])),
        told=("cell0.tif: has 48 pages, its labels cell0.tif have 1", "as many label pages"),
    ),
    "axes that do not fit": Case(
        spoil=tif(_NAME, np.stack([pair(1)[0]] * 3)),
        options=("--axes", "YX"),
        told=("cell1.tif: axes 'YX' are 2 letters, but the image has shape (3, 48, 40)", "name"),
    ),
    "axes of unknown letters": Case(
        spoil=lambda place: None,
        options=("--axes", "WH"),
        told=("cell0.tif: axes 'WH' hold H, W", "letters of P Z T C S Y X"),
    ),
    "axes in words": Case(
        spoil=lambda place: None,
        options=("--axes", "rows,columns"),
        told=("cell0.tif: axes 'rows,columns' hold", "letters of P Z T C S Y X"),
    ),
    "no axes": Case(
        spoil=lambda place: None, options=("--axes", ""), told=("cell0.tif: axes '' lack Y", "name")
    ),
    "an axis twice": Case(
        spoil=lambda place: None,
        options=("--axes", "YY"),
        told=("cell0.tif: axes 'YY' name an axis twice", "once"),
    ),
    "axes without rows": Case(
        spoil=lambda place: None,
        options=("--axes", "CX"),
        told=("cell0.tif: axes 'CX' lack Y or X", "each of its 2 axes"),
    ),
}

"""TIFF, and what microscopes and ImageJ write into it about axes and pixel size."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

from overtile.errors import ImageError
from overtile.io.embedded import check_parts
from overtile.io.image import Decoded
from overtile.io.limits import check_ome, check_pages, check_size

# tifffile returns fewer pages, or zeros, and only logs it. These are the words it uses then.
_SIGNS_OF_LOSS = (
    "zeroed",
    "missing",
    "invalid page offset",
    "failed to reshape",
    "corrupted",
    "incorrect strip",
    "incompletely",
    "does not match",
    "index out of range",
)
_MICROMETRES = {
    **dict.fromkeys(("micron", "microns", "um", "µm", "μm", "\\u00b5m"), 1.0),
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
}
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_CENTIMETRE = 3  # ResolutionUnit of TIFF 6.0, section 8
_COARSEST_PIXEL_UM = 100.0
_ALPHA = {1, 2}  # ExtraSamples of TIFF 6.0, section 18; 0 is data of no stated meaning
_WHITE_IS_ZERO, _PALETTE = 0, 3  # PhotometricInterpretation


def decode_tiff(path: Path) -> Decoded:
    """Decode the first series of a TIFF: 8 to 64 bit, any compression, BigTIFF, OME, ImageJ.

    Parameters
    ----------
    path : path
        A file that starts as a TIFF does.

    Returns
    -------
    decoded : Decoded
        Pyramid levels are not series: the full size is read.

    Raises
    ------
    ImageError
        If it asks for too much, or bytes that it declares are missing.
    Exception
        Whatever tifffile and its codecs raise on a damaged file.
    """
    with ExitStack() as stack:
        header = open_tiff(path, stack)
        series = header.series
        check_size(series.shape, np.dtype(series.dtype).itemsize, _file_bytes(series))
        with _listening() as complaints:
            array = series.asarray()
        _refuse_loss(complaints)
        return Decoded(
            array=array.astype(np.uint8) if array.dtype == bool else array,
            axes=series.axes,
            source=header.source,
            notes=header.notes,
            pixel_size_um=header.pixel_size_um,
            alpha_axis=header.alpha_axis,
        )


@dataclass(frozen=True, kw_only=True)
class TiffHeader:
    """What a TIFF says about its first series."""

    series: tifffile.TiffPageSeries
    source: str
    """Where the axes come from, such as ``from OME metadata``."""

    notes: tuple[str, ...]
    pixel_size_um: tuple[float, float] | None
    alpha_axis: int | None
    """The dimension whose last entry is an alpha channel."""


def is_tiff(path: Path) -> bool:
    """Say whether a file starts as a TIFF does."""
    with path.open("rb") as file:
        return file.read(4).startswith(TIFF_SIGNATURES)


def open_tiff(path: Path, stack: ExitStack) -> TiffHeader:
    """Open a TIFF without decoding pixels; `stack` closes it.

    Raises
    ------
    ImageError
        If its pages, its metadata or the places of its parts cannot be right.
    Exception
        Whatever tifffile raises on a damaged file.
    """
    check_pages(path)
    with _listening() as complaints:
        file = stack.enter_context(tifffile.TiffFile(path))
        if file.is_ome:
            check_ome(path, file.pages.first.description)
        series = file.series[0]
        _check_parts(series)
        _refuse_loss(complaints)
        source, notes = _source(series)
        return TiffHeader(
            series=series,
            source=source,
            notes=(*notes, *_notes(file)),
            pixel_size_um=_pixel_size_um(file),
            alpha_axis=_alpha_axis(series),
        )


def _file_bytes(series: tifffile.TiffPageSeries) -> int:
    """Size of all files that hold planes of a series, which only OME spreads."""
    pages = series if series.kind == "ome" else [series.keyframe]
    return sum(
        {page.parent.filehandle: page.parent.filehandle.size for page in pages if page}.values()
    )


def _source(series: tifffile.TiffPageSeries) -> tuple[str, list[str]]:
    """Tell where the axes come from, and how to read them otherwise if they are a guess."""
    pages = [i for i, letter in enumerate(series.axes) if letter not in "ZTCSYX"]
    if series.kind in ("ome", "imagej"):
        return f"from {'OME' if series.kind == 'ome' else 'ImageJ'} metadata", []
    if series.kind not in ("shaped", "generic", "uniform"):
        return f"from {series.kind.upper()} metadata", []
    if "S" in series.axes:
        hint = "--axes ZYX reads the planes as pages" if series.axes == "SYX" else ""
        return "from the samples per pixel", [hint] * bool(hint)
    if not pages:
        return ("from its description" if series.ndim > 2 else "of a single plane"), []
    few = series.ndim == 3 and series.shape[pages[0]] <= 4
    hint = "--axes CYX reads the pages as channels" if few else ""
    return "guessed from unnamed pages", [hint] * bool(hint)


def _notes(file: tifffile.TiffFile) -> list[str]:
    photometric = file.series[0].keyframe.photometric
    notes = []
    if len(file.series) > 1:
        notes.append(f"the first of {len(file.series)} series, the others are left out")
    if file.is_ome and file.series[0].kind != "ome":
        notes.append("its OME metadata are not usable")
    if photometric == _PALETTE:
        # ImageJ stores grey values with a display table in this way; the values are the data.
        notes.append("its colour table is ignored")
    if photometric == _WHITE_IS_ZERO:
        notes.append("declared as white-is-zero, values kept as stored")
    return notes


def _alpha_axis(series: tifffile.TiffPageSeries) -> int | None:
    extra = series.keyframe.extrasamples
    # A fourth plane stored apart is data: tifffile labels any four 8-bit planes as RGBA.
    interleaved = series.axes.endswith("S")
    return series.ndim - 1 if interleaved and extra and extra[-1] in _ALPHA else None


def _pixel_size_um(file: tifffile.TiffFile) -> tuple[float, float] | None:
    page = file.series[0].keyframe
    kind = file.series[0].kind
    if kind == "ome":
        return _ome_pixel_size_um(file.ome_metadata or "")
    if kind == "imagej":
        unit_um = _MICROMETRES.get(str((file.imagej_metadata or {}).get("unit", "")).lower())
    else:
        unit_um = _MICROMETRES["cm"] if page.resolutionunit == _CENTIMETRE else None
    per_x, per_y = page.resolution
    if unit_um is None or per_x <= 0 or per_y <= 0:
        return None
    size = _checked((unit_um / per_y, unit_um / per_x))
    # Coarser pixels are the dots per inch of a printer, not of a microscope.
    return None if size and kind != "imagej" and max(size) > _COARSEST_PIXEL_UM else size


def _ome_pixel_size_um(xml: str) -> tuple[float, float] | None:
    pixels = next((e for e in ElementTree.fromstring(xml).iter() if e.tag.endswith("Pixels")), None)
    if pixels is None:
        return None
    sizes = []
    for axis in "YX":
        unit = _MICROMETRES.get(pixels.get(f"PhysicalSize{axis}Unit", "µm").lower(), 0.0)
        sizes.append(float(pixels.get(f"PhysicalSize{axis}", "0")) * unit)
    return _checked((sizes[0], sizes[1]))


def _checked(size_um: tuple[float, float]) -> tuple[float, float] | None:
    # Rounded because TIFF keeps the inverse as a fraction: 1 / (1 / 0.065) is not 0.065.
    y, x = (float(f"{size:.7g}") for size in size_um)
    return (y, x) if 0 < y < np.inf and 0 < x < np.inf else None


def _check_parts(series: tifffile.TiffPageSeries) -> None:
    """Refuse strips or tiles outside the file, which decoders may return as zeros."""
    for number, page in enumerate(series):
        if page is None:
            raise ImageError(f"lacks its page {number}", remedy="copy or export it again")
        end = page.parent.filehandle.size
        parts = zip(page.dataoffsets, page.databytecounts, strict=False)
        lost = sum(not count or offset + count > end for offset, count in parts)
        if lost:
            raise ImageError(
                f"is cut short: {lost} of {len(page.dataoffsets)} strips or tiles of page {number} "
                "are missing",
                remedy="copy or export it again",
            )
        check_parts(page)


def _refuse_loss(complaints: list[str]) -> None:
    for complaint in complaints:
        if any(sign in complaint.lower() for sign in _SIGNS_OF_LOSS):
            raise ImageError(
                f"is damaged or cut short ({complaint})", remedy="copy or export it again"
            )


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what tifffile logs in this thread instead of letting it reach the user's screen."""
    complaints: list[str] = []
    thread = threading.get_ident()

    def collect(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        if record.levelno >= logging.WARNING:
            complaints.append(record.getMessage())
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(collect)
    try:
        yield complaints
    finally:
        logger.removeFilter(collect)

"""Images, labels, weight maps and predictions as pictures, each with its description in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.arrays import ClassMap, Floats, Labels
from overtile.choices import LabelKind
from overtile.colours import REGION_COLOURS, RGB
from overtile.io.overlay import outlines
from overtile.report.canvas import (
    Colour,
    enlarge,
    fit,
    grey_values,
    jpeg,
    png,
)

AGREEMENT_PX = 2
"""Outlines of truth and prediction so near to each other are drawn as one."""

_BACKGROUND: Colour = (38, 42, 46, 255)
_CLEAR: Colour = (0, 0, 0, 0)
_SHADE: Colour = (0, 0, 0, 95)  # dims the image, so that thin lines stand out on bright tissue
_BOTH: Colour = (255, 255, 255, 255)
_TRUTH: Colour = (86, 180, 233, 255)
_PREDICTED: Colour = (255, 165, 0, 255)
IGNORED: Colour = (128, 128, 128, 200)
"""Of pixels that count nowhere."""

_MISSED: Colour = (86, 180, 233, 120)
_INVENTED: Colour = (255, 165, 0, 120)
_TINT = 105  # opacity of labels through which the image is seen
_MOST_COLOURS = 127  # of a palette of bytes that holds each twice


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What the colours of a heat map stand for."""

    low: str
    high: str
    bar: str
    """Data URI of the colours from low to high."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture inside the page; outlines are a layer of their own, so that one can look below."""

    source: str
    """Data URI."""

    words: str
    """What is to be seen, for who cannot see it."""

    width: int
    height: int
    lines: str = ""
    """Data URI of the transparent layer above; empty for none."""

    lines_words: str = ""
    scale: Scale | None = None


@dataclass(frozen=True, kw_only=True)
class Key:
    """One entry of a legend."""

    swatch: str
    """Data URI."""

    words: str


def image(pixels: Floats, words: str, longest_px: int) -> Picture:
    """Show (C, Y, X) normalised pixels: three channels as RGB, else the first as grey."""
    shown = grey_values(pixels, longest_px)
    return Picture(source=jpeg(shown), words=words, width=shown.shape[1], height=shown.shape[0])


def labelled(
    pixels: Floats,
    labels: Labels,
    kind: LabelKind,
    name: str,
    longest_px: int,
    colours: Sequence[RGB] = REGION_COLOURS,
    ignore: NDArray[np.bool_] | None = None,
) -> Picture:
    """Show the image below its labels: every object, or every class, in a colour of its own.

    Parameters
    ----------
    pixels : (C, Y, X) array of float32
    labels : (Y, X) array of uint32
    kind : {"instances", "binary", "classes"}
        Objects of instances differ in colour from those of the next ids; binary has one colour.
    name : str
        What a person calls the image.
    longest_px : int
        Longest side of the picture.
    colours : sequence of RGB
        Of objects or classes 1, 2, …; after the last the first comes again.
    ignore : (Y, X) array of bool, optional
        Where the labels say nothing; shown as such.
    """
    ids = _ids(labels, kind)
    colours = colours[:_MOST_COLOURS]
    number = np.unique(ids[ids > 0]).size
    words = {"instances": f"{number} objects", "binary": "foreground", "classes": "classes"}[kind]
    ids = enlarge(fit(ids, longest_px))
    places = (1 + (ids.astype(np.int64) - 1) % len(colours)) * (ids > 0)
    places[_thick(outlines(ids), ids)] += len(colours)
    if ignore is not None:
        places[enlarge(fit(ignore, longest_px))] = 1 + 2 * len(colours)
    palette = [
        _CLEAR,
        *((*colour, _TINT) for colour in colours),
        *((*colour, 255) for colour in colours),
        IGNORED,
    ]
    below = image(pixels, f"{name}: the image below its labels", longest_px)
    return replace(
        below,
        lines=png(places.astype(np.uint8), palette),
        lines_words=f"{name}: {words} in colours",
    )


def compared(
    pixels: Floats,
    truth: Labels,
    predicted: Labels,
    kind: LabelKind,
    name: str,
    longest_px: int,
    ignore: NDArray[np.bool_] | None = None,
) -> Picture:
    """Show the image below the outlines of truth and prediction.

    The outline of the truth is white where one of the prediction lies within `AGREEMENT_PX`, else
    blue; an outline of the prediction far from any of the truth is orange. Areas that differ are
    tinted likewise.
    Parameters are those of `labelled`.
    """
    true_ids = enlarge(fit(_ids(truth, kind), longest_px))
    found_ids = enlarge(fit(_ids(predicted, kind), longest_px))
    times = true_ids.shape[0] // fit(truth, longest_px).shape[0]
    true_line, found_line = outlines(true_ids), outlines(found_ids)
    places = np.zeros(true_ids.shape, np.uint8)
    places[(true_ids > 0) & (found_ids == 0)] = 4
    places[(true_ids == 0) & (found_ids > 0)] = 5
    reach = AGREEMENT_PX * times
    agreed = true_line & _grown(found_line, reach)
    true_only, found_only = true_line & ~agreed, found_line & ~_grown(true_line, reach)
    # What agrees is thin, what differs is wide: the eye should go to the mistakes.
    places[agreed] = 3
    places[_thick(true_only, true_ids)] = 1
    places[_thick(found_only, found_ids)] = 2
    if ignore is not None:
        places[enlarge(fit(ignore, longest_px))] = 6
    palette = [_SHADE, _TRUTH, _PREDICTED, _BOTH, _MISSED, _INVENTED, IGNORED]
    below = image(pixels, f"{name}: the image below the outlines", longest_px)
    return replace(
        below,
        lines=png(places, palette),
        lines_words=f"{name}: outlines of truth (blue), prediction (orange) and both (white)",
    )


def tile(pixels: Floats, output_size: int, words: str, longest_px: int) -> Picture:
    """Show a tile (C, S, S) as the network sees it, its context dimmed around the labelled part."""
    size = pixels.shape[1]
    rim = (size - output_size) // 2
    shown = grey_values(pixels, longest_px)
    context = np.ones((size, size), bool)
    context[rim : rim + output_size, rim : rim + output_size] = False
    context = fit(context, longest_px)
    shown[context] = shown[context] * 0.5
    return Picture(source=jpeg(shown), words=words, width=shown.shape[1], height=shown.shape[0])


def classes(
    class_map: ClassMap, colours: Sequence[RGB], words: str, longest_px: int, around: int = 0
) -> Picture:
    """Show a class map (Y, X) in flat colours, background dark, and clear for `around` pixels."""
    colours = colours[:_MOST_COLOURS]
    ids = class_map.astype(np.int64)
    places = ((1 + (ids - 1) % len(colours)) * (ids > 0)).astype(np.uint8)
    places = np.pad(places, around, constant_values=len(colours) + 1)
    palette = [_BACKGROUND, *((*colour, 255) for colour in colours), _CLEAR]
    return _flat(enlarge(fit(places, longest_px)), palette, words)


def heat(
    values: Floats, limits: tuple[float, float], colours: str, words: str, longest_px: int
) -> Picture:
    """Show (Y, X) values as colours.

    Parameters
    ----------
    values : (Y, X) array of float32
    limits : (float, float)
        Values that get the first and the last colour.
    colours : {"cividis", "inferno"}
        Both grow steadily lighter, so that they are read without seeing hues.
    words : str
        What is to be seen.
    longest_px : int
        Longest side of the picture.
    """
    low, high = limits
    span = high - low if high > low else 1.0
    shares = ((np.nan_to_num(fit(values, longest_px)) - low) / span).clip(0, 1)
    table = (colormaps[colours](np.arange(256)) * 255).round().astype(int).tolist()
    palette: list[Colour] = [(red, green, blue, 255) for red, green, blue, _ in table]
    bar = png(np.arange(256, dtype=np.uint8)[np.newaxis], palette)
    scale = Scale(low=f"{low:.3g}", high=f"{high:.3g}", bar=bar)
    return _flat((shares * 255).round().astype(np.uint8), palette, words, scale)


def agreement_keys() -> list[Key]:
    """Explain the colours of `compared`."""
    meanings = (
        (_BOTH, f"truth and prediction agree, within {AGREEMENT_PX} px"),
        (_TRUTH, "truth only: missed"),
        (_PREDICTED, "prediction only: invented"),
    )
    return [key(colour, words) for colour, words in meanings]


def ignored_keys() -> list[Key]:
    """Explain the shade of pixels that count nowhere."""
    return [key(IGNORED, "not known, counts nowhere")]


def class_keys(class_names: Sequence[str], colours: Sequence[RGB]) -> list[Key]:
    """Explain the colours of classes; the background, which comes first, has none."""
    pairs = zip(class_names[1:], colours, strict=True)
    return [key((*colour, 255), name) for name, colour in pairs]


def _ids(labels: Labels, kind: LabelKind) -> Labels:
    return (labels > 0).astype(np.uint32) if kind == "binary" else labels


def _grown(line: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    return np.asarray(ndi.binary_dilation(line, np.ones((3, 3), bool), iterations=reach_px))


def _thick(line: NDArray[np.bool_], ids: Labels) -> NDArray[np.bool_]:
    """Widen a line to two pixels, inside the objects only."""
    return _grown(line, 1) & (ids > 0) if line.any() else line


def _flat(
    places: NDArray[np.uint8], palette: list[Colour], words: str, scale: Scale | None = None
) -> Picture:
    height, width = places.shape
    source = png(places, palette)
    return Picture(source=source, words=words, width=width, height=height, scale=scale)


def key(colour: Colour, words: str) -> Key:
    """Give an entry of a legend."""
    return Key(swatch=png(np.zeros((1, 1), np.uint8), [colour]), words=words)

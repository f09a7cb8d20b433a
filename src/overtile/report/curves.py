"""How training went, and how sure the network may be, as drawings inside the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.evaluation.calibration import Reliability
from overtile.report.words import better, score, title

MOST_POINTS = 300
"""Points of a curve: longer histories are averaged in blocks."""

SMOOTHING = 0.02
"""Width (SD) of the smoothing of the loss, as a share of the run."""

# Stand-ins, replaced by the colours of the page, which change with light and dark.
_COLOURS = {
    "#010203": "var(--ink)",
    "#010204": "var(--quiet)",
    "#010205": "var(--line)",
    "#010206": "var(--curve)",
    "#010207": "var(--best)",
    "#010208": "var(--paper)",
}
_INK, _QUIET, _LINE, _CURVE, _BEST, _PAPER = _COLOURS
_LOOKS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, searchable, in the reader's own font
    "text.parse_math": False,
    "font.size": 11,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _LINE,
    "grid.linewidth": 0.8,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _QUIET,
    "ytick.labelcolor": _QUIET,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


def loss_curve(losses: Sequence[tuple[int, float, float, float]]) -> str:
    """Draw the training loss, smoothed over its own trace, with the learning rate faintly behind.

    Parameters
    ----------
    losses : sequence of (step, seconds, loss, learning rate)

    Returns
    -------
    svg : str
        An ``<svg>`` element; empty if there is no finite loss.
    """
    table = np.array(losses, np.float64).reshape(-1, 4)
    table = table[np.isfinite(table).all(axis=1)]
    if not len(table):
        return ""
    table = _fewer(table)
    minutes, loss, rate = table[:, 1] / 60, table[:, 2], table[:, 3]
    smooth = ndi.gaussian_filter1d(loss, max(0.5, SMOOTHING * len(loss)), mode="nearest")
    with mpl.rc_context(_LOOKS | {"svg.hashsalt": "loss"}):
        figure, axes = _axes(minutes.max())
        axes.plot(minutes, loss, color=_CURVE, alpha=0.25, linewidth=1)
        axes.plot(minutes, smooth, color=_CURVE, linewidth=2, marker="o" if len(loss) < 2 else "")
        axes.set_ylabel("loss")
        _choose_scale(axes, loss)
        _draw_rate(axes, minutes, rate)
        return _svg(figure, f"Training loss: {loss[0]:.3g} at the start, {smooth[-1]:.3g} now.")


def validation_curve(
    validations: Sequence[Mapping[str, float]],
    headline: str,
    best_step: int | None,
) -> str:
    """Draw the headline score of every validation, the best one marked.

    Parameters
    ----------
    validations : sequence of dict
        Each holds `step`, `seconds` and scores.
    headline : str
        Name of the score to draw.
    best_step : int or None
        Step of the weights that were kept.

    Returns
    -------
    svg : str
        An ``<svg>`` element; empty if there is nothing to draw.
    """
    entries = [one for one in validations if np.isfinite(one.get(headline, np.nan))]
    if not entries:
        return ""
    minutes = np.array([one["seconds"] for one in entries]) / 60
    values = np.array([one[headline] for one in entries])
    words = f"{title(headline)} of {len(entries)} validations."
    with mpl.rc_context(_LOOKS | {"svg.hashsalt": "validation"}):
        figure, axes = _axes(minutes.max())
        axes.plot(minutes, values, color=_CURVE, linewidth=2, marker="o", markersize=4)
        axes.margins(y=0.18)
        for one in entries:
            if one["step"] == best_step:
                # It is not kept for the score alone that is drawn here.
                best = values.min() if better(headline) == "lower" else values.max()
                kept = "best" if one[headline] == best else "kept"
                text = f"{kept} {score(headline, one[headline])}"
                words += f" The {text}, at step {best_step}."
                _mark_best(axes, one["seconds"] / 60, one[headline], text)
        return _svg(figure, words)


def learning_curve(points: Sequence[tuple[int, float, float, float]], headline: str) -> str:
    """Draw the headline against the number of images that were learnt from.

    Parameters
    ----------
    points : sequence of (images, value, low, high)
        The range of the mean over held-out images, with 95 % confidence.
    headline : str
        Name of the score.

    Returns
    -------
    svg : str
        An ``<svg>`` element.
    """
    images, values, low, high = np.array(points, np.float64).T
    told = ", ".join(f"{score(headline, one)} from {count:.0f}" for count, one, *_ in points)
    with mpl.rc_context(_LOOKS | {"svg.hashsalt": "learning"}):
        figure, axes = _axes(1.0)
        axes.set_xscale("log", base=2)
        axes.set_xlim(0.8 * images.min(), 1.25 * images.max())
        axes.set_xticks(images, labels=[f"{count:.0f}" for count in images])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("images learnt from")
        axes.vlines(images, low, high, color=_QUIET, linewidth=6, alpha=0.35)
        axes.plot(images, values, color=_CURVE, linewidth=2, marker="o")
        return _svg(figure, f"{title(headline)} by images learnt from: {told}.")


def reliability_diagram(before: Reliability, after: Reliability) -> str:
    """Draw how often pixels are right against how sure the network is of them.

    Parameters
    ----------
    before, after : Reliability
        Without and with the temperature of the model.

    Returns
    -------
    svg : str
        An ``<svg>`` element.
    """
    words = (
        f"Share of pixels that are right by how sure the network is: off by {100 * after.error:.2g}"
        f" % on average, {100 * before.error:.2g} % without the temperature."
    )
    with mpl.rc_context(_LOOKS | {"svg.hashsalt": "reliability"}):
        figure, axes = _axes(1.0)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.05)
        axes.set_xlabel("probability of the likeliest class")
        axes.set_ylabel("share that is right")
        axes.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--")
        for one, colour, name in ((before, _QUIET, "before"), (after, _CURVE, "after")):
            met = one.pixels > 0
            axes.plot(one.confidence[met], one.accuracy[met], color=colour, marker="o", label=name)
        axes.legend(frameon=False, labelcolor=_INK)
        return _svg(figure, words)


def _fewer(table: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(table) <= MOST_POINTS:
        return table
    return np.array([block.mean(axis=0) for block in np.array_split(table, MOST_POINTS)])


def _axes(last_minute: float) -> tuple[Figure, Axes]:
    # About as wide as it is shown on a telephone, so that its text stays legible there.
    figure = Figure(figsize=(5.4, 3.3))
    figure.subplots_adjust(left=0.14, right=0.98, bottom=0.15, top=0.97)
    axes = figure.add_subplot()
    axes.set_xlim(0, max(last_minute, 1 / 60) * 1.03)
    axes.set_xlabel("minutes of training")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    return figure, axes


def _choose_scale(axes: Axes, loss: NDArray[np.float64]) -> None:
    """Take a logarithmic scale where the loss falls by more than a factor of five."""
    if loss.min() <= 0 or loss.max() < 5 * loss.min():
        axes.set_ylim(bottom=min(0.0, float(loss.min())))
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_rate(
    axes: Axes,
    minutes: NDArray[np.float64],
    rate: NDArray[np.float64],
) -> None:
    behind = axes.twinx()
    behind.fill_between(minutes, rate, color=_QUIET, alpha=0.12, linewidth=0)
    behind.set_ylim(0, max(float(rate.max()), 1e-12) * 1.2)
    behind.set_yticks([])
    behind.set_zorder(axes.get_zorder() - 1)
    text = f"grey: learning rate, up to {rate.max():.2g}"
    behind.text(0.99, 0.98, text, transform=axes.transAxes, ha="right", va="top", color=_QUIET)


def _mark_best(axes: Axes, minute: float, value: float, text: str) -> None:
    axes.plot([minute], [value], "o", markersize=10, color=_BEST, markeredgecolor=_PAPER, zorder=4)
    late = minute > 0.7 * axes.get_xlim()[1]
    axes.annotate(
        text,
        (minute, value),
        xytext=(0, 11),
        textcoords="offset points",
        ha="right" if late else "center",
        color=_INK,
        weight="bold",
    )


def _svg(figure: Figure, words: str) -> str:
    """Write the figure as an element of the page: named, without foreign links and spare ids."""
    buffer = StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=metadata)
    svg = buffer.getvalue()
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*", "font-family: inherit", svg).replace("xlink:href", "href")
    for stand_in, colour in _COLOURS.items():
        svg = svg.replace(stand_in, colour)
    named = f'<svg class="curve" role="img" aria-label="{escape(words)}" viewBox='
    return named + re.sub(r' xmlns="[^"]*" version="1.1"', "", svg.split("viewBox=", 1)[1], count=1)

"""The tables of the paper's claims, each cell a mean over seeds and its spread."""

from __future__ import annotations

from collections.abc import Iterator

from tables.results import NAMES, Result, figure, markdown, read_results

_EM_FIGURES = ("rand_error", "v_rand", "v_info", "warping_error", "best_pixel_error")
_CELL_FIGURES = ("average_precision_50", "seg", "merges", "splits")
_WHOLE = "the whole network"


def claim_tables() -> dict[str, str]:
    """Draw all tables whose results are there, by the name of their markers."""
    found = read_results("claims/*.json")
    by_claim = {claim: [r for r in found if r.get("claim") == claim] for claim in _DRAWN}
    return {f"claim-{claim}": draw(by_claim[claim], found) for claim, draw in _DRAWN.items()}


def _augmentation(results: list[Result], _: list[Result]) -> str:
    slices = sorted({result["slices"] for result in results})
    rows = []
    for key in ("rand_error", "v_rand", "best_pixel_error"):
        for condition in ("none", "rigid", "elastic"):
            cells = [
                _cell(key, [r for r in results if r["slices"] == n and r["condition"] == condition])
                for n in slices
            ]
            rows.append([NAMES[key], condition, *cells])
    return markdown(["figure", "augmentation", *(_slices(n) for n in slices)], rows)


def _slices(count: int) -> str:
    return f"{count} slice{'s' if count > 1 else ''}"


def _border(results: list[Result], _: list[Result]) -> str:
    rows = []
    for data in sorted({result["data"] for result in results}):
        for w0 in sorted({result["w0"] for result in results}):
            chosen = [r for r in results if r["data"] == data and r["w0"] == w0]
            rows.append([data, f"{w0:g}", *(_cell(key, chosen) for key in _CELL_FIGURES)])
    return markdown(["data", "w0", *(NAMES[key] for key in _CELL_FIGURES)], rows)


def _parts(results: list[Result], everything: list[Result]) -> str:
    whole = [
        {**result, "condition": _WHOLE}
        for result in everything
        if result["claim"] == "augmentation"
        and result["condition"] == "elastic"
        and result["slices"] == 20
    ]
    rows = []
    for condition in _in_order([*whole, *results]):
        chosen = [r for r in [*whole, *results] if r["condition"] == condition]
        by = "SGD, no batch norm" if chosen[0]["recipe"]["name"] == "paper" else "auto"
        rows.append([by, condition, *(_cell(key, chosen) for key in _EM_FIGURES)])
    rows.sort(key=lambda row: row[0] != "auto")
    return markdown(["trained by", "condition", *(NAMES[key] for key in _EM_FIGURES)], rows)


def _in_order(results: list[Result]) -> Iterator[str]:
    """Give each condition once, the first first."""
    yield from dict.fromkeys(result["condition"] for result in results)


def _cell(key: str, results: list[Result]) -> str:
    values = [result["summary"][key] for result in results if key in result["summary"]]
    return figure(key, values) if values else "–"


def _offset(results: list[Result], _: list[Result]) -> str:
    figures = ("rand_error", "v_rand", "best_pixel_error")
    rows = []
    for condition in _in_order(results):
        chosen = [result for result in results if result["condition"] == condition]
        rows.append([condition, *(_cell(key, chosen) for key in figures), str(len(chosen))])
    return markdown(["tiles are", *(NAMES[key] for key in figures), "seeds"], rows)


_DRAWN = {
    "augmentation": _augmentation,
    "border": _border,
    "parts": _parts,
    "offset": _offset,
}

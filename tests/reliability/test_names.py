"""Files of any name: every command takes them, or refuses them in one line that can be read."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from overtile.cli.main import main

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

NAMES = (
    "two words",
    " spaces around ",
    "it's",
    '"quoted"',
    "100%",
    "%s %d %n",
    "#1",
    "a;b|c&d",
    "$HOME",
    "`id`",
    "a*b",
    "a?b",
    "[ab]",
    "{x}",
    "~",
    "a\\b",
    "-dash",
    "--out",
    "🔬",
    "👩‍🔬",
    "細胞",
    "خلية",
    "µm² ẞ İ ı",
    "new\nline",
    "tab\there",
    "\x1b[31mred",
    "a.b.c",
    "dots...",
    ".hidden",
    "a" * 250,
    os.fsdecode(b"caf\xe9"),
    "predictions",
)
TWINS = (
    (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
    ("Cell", "cell"),
    ("a", "a "),
    ("cell1", "cell01"),
)
CASES = (*((name,) for name in NAMES), *TWINS)


def lay_out(folder: Path, names: tuple[str, ...]) -> None:
    """Write an image and its labels under each name."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
        for number, name in enumerate(names):
            labels = np.zeros((24, 24), np.uint8)
            labels[4 + number : 12, 5:20] = 1
            labels[15:, 5:20] = 2
            values = labels if kind == "labels" else 90 * labels + np.arange(24, dtype=np.uint8)
            tifffile.imwrite(folder / kind / f"{name}.tif", values)


def commands(folder: Path, model: Path, recipe: Path, name: str) -> Iterator[list[str]]:
    """Give every command that takes files, with files and folders of that name."""
    images, labels = str(folder / "images"), str(folder / "labels")
    image, label = (str(folder / kind / f"{name}.tif") for kind in ("images", "labels"))
    run, out = str(folder / name), str(folder / f"out{name[:200]}")
    yield ["check", images, labels]
    yield ["check", image, label, "--json", str(folder / f"{name[:200]}.json")]
    if (folder / name).exists():
        yield ["report", run]
    else:
        yield ["train", images, labels, "--out", run, "--recipe", str(recipe), "--steps", "1"]
    yield ["info", run]
    yield ["predict", str(model), images, "--out", out, "--device", "cpu"]
    yield ["predict", str(model), image, "--out", out, "--save", "labels,foreground,overlay"]
    yield ["evaluate", out, labels, "--task", "instances"]
    yield ["evaluate", label, label, "--task", "instances", "--csv", str(folder / f"{name}.csv")]


def can_be_shown(text: str) -> bool:
    """Say whether a terminal can show a line without being controlled by it."""
    return all(unicodedata.category(letter) not in ("Cc", "Cs") for letter in text)


def faults(code: int, out: str, err: str) -> list[str]:
    """Say what is wrong with how a command ended, if it neither worked nor refused in one line."""
    lines = out.splitlines() + err.splitlines()
    found = [line for line in lines if not can_be_shown(line)]
    errors = [line for line in lines if line.startswith("error: ")]
    findings = [line for line in lines if line.startswith(("LEFT OUT: ", "FAULT: "))]
    if code not in (0, 2) or (len(errors) == 1 or bool(findings)) != (code == 2):
        found += [f"exit code {code}", *lines[-2:]]
    return found


@pytest.mark.usefixtures("one_thread")
def test_every_command_takes_files_of_any_name_or_refuses_them_in_one_line(
    trained: Path,
    tiny_recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    amount: Amount,
    tally: Tally,
) -> None:
    model = trained / "model.safetensors"
    wrong, ended = [], []
    for number, names in enumerate(CASES):
        (folder := tmp_path / f"{number}").mkdir()
        lay_out(folder, names)
        if number % amount(3, 1):  # Training takes most of the time.
            shutil.copytree(trained, folder / names[-1])
        for arguments in commands(folder, model, tiny_recipe, names[-1]):
            ended.append(main(arguments))
            shown = capsys.readouterr()
            found = faults(ended[-1], shown.out, shown.err)
            wrong += [(ascii(names), arguments[0], *found)] if found else []
    assert wrong == []
    assert ended.count(0) > 0.9 * len(ended)
    tally("strange names", len(ended), len(ended), worked=ended.count(0))

"""A damaged image is read, or refused by one line: never a traceback, a hang or a warning."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from harness.image_seeds import image_seeds
from harness.mutations import Mutant, mutants

from overtile.cli.main import main
from overtile.errors import OvertileError
from overtile.io import read_image, read_labels

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

LONGEST_S = 10.0


def refusal(error: OvertileError, path: Path) -> str:
    """Give the line that a user reads, after holding that it is what it should be."""
    line = str(error)
    assert line.startswith(f"{path}: "), line
    assert error.fault, line
    assert error.remedy, line
    assert line.isprintable(), line
    return line


def read(mutant: Mutant, path: Path) -> str | None:
    """Read a damaged image or label image; give the line that refuses it, if it is refused."""
    path.write_bytes(mutant.content)
    began = time.process_time()
    try:
        image = read_labels(path) if mutant.number % 3 == 0 else read_image(path)
    except OvertileError as error:
        return refusal(error, path)
    finally:
        assert time.process_time() - began < LONGEST_S
    assert image.pixels.ndim == 4
    assert image.pixels.size > 0
    return None


def test_seeds_are_good(tmp_path: Path) -> None:
    for seed in image_seeds():
        path = tmp_path / seed.name
        path.write_bytes(seed.content)
        assert read_image(path).size == (20, 24)


@pytest.mark.timeout(3600)  # A hundred thousand files take some fifteen minutes.
def test_damaged_images_are_read_or_refused_by_one_line(
    tmp_path: Path, amount: Amount, tally: Tally, capfd: pytest.CaptureFixture[str]
) -> None:
    total, refused = amount(1_750, 100_000), 0
    for mutant in mutants(image_seeds(), total):
        try:
            refused += read(mutant, tmp_path / mutant.seed.name) is not None
        except Exception as error:
            error.add_note(f"mutant {mutant.number} of {mutant.seed.name}: {mutant.done}")
            raise
    shown = capfd.readouterr()
    assert shown.out + shown.err == ""  # codecs in C write past Python
    # Damage to pixels that nothing seals cannot be seen; damage to the structure must be.
    assert 0.4 < refused / total < 0.95
    tally("damaged images", total, total, refused=refused)


@pytest.fixture
def place(cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two good pairs."""
    monkeypatch.chdir(tmp_path)
    for side in ("images", "labels"):
        (tmp_path / side).mkdir()
        for number in range(2):
            content = (cells / side / f"cell{number}.tif").read_bytes()
            (tmp_path / side / f"cell{number}.tif").write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("number", range(16))
def test_check_lists_a_damaged_file_in_one_line(
    place: Path, capfd: pytest.CaptureFixture[str], number: int
) -> None:
    side = ("images", "labels")[number % 2]
    (mutant,) = [one for one in mutants(image_seeds(), number + 1, salt=1) if one.number == number]
    (place / side / "cell1.tif").write_bytes(mutant.content)
    code = main(["check", "images", "labels"])
    shown = capfd.readouterr()
    faults = [line for line in shown.out.splitlines() if line.startswith("FAULT: ")]
    assert code == (2 if faults else 0)
    assert shown.err == ""
    assert all("cell1.tif" in fault or "cell0.tif" in fault for fault in faults)
    assert all("; " in fault for fault in faults)


@pytest.mark.parametrize("number", range(8))
def test_predict_leaves_a_damaged_file_out_in_one_line(
    place: Path, trained: Path, capfd: pytest.CaptureFixture[str], number: int
) -> None:
    (mutant,) = [one for one in mutants(image_seeds(), number + 1, salt=2) if one.number == number]
    (place / "images" / "cell1.tif").write_bytes(mutant.content)
    code = main(["predict", str(trained), "images", "--out", "results", "--save", "labels"])
    shown = capfd.readouterr()
    left_out = [line for line in shown.out.splitlines() if line.startswith("LEFT OUT: ")]
    written = sorted(path.name for path in (place / "results").glob("*.tif"))
    assert code == (2 if left_out else 0)
    assert "Traceback" not in shown.err
    assert len(written) == 2 - len(left_out)
    assert all(line.startswith("LEFT OUT: images/cell1.tif: ") for line in left_out)


def test_the_same_number_is_the_same_damage() -> None:
    once, again = ([one.content for one in mutants(image_seeds(), 40)] for _ in range(2))
    assert once == again
    assert len(set(once)) == 40


def test_damage_reaches_every_kind_and_format() -> None:
    made = list(mutants(image_seeds(), 600))
    kinds = {kind for mutant in made for kind in mutant.done.split(" + ")}
    assert len(kinds) == 9
    assert len({mutant.seed.name for mutant in made}) == len(image_seeds())
    same = np.mean([mutant.content == mutant.seed.content for mutant in made])
    assert same < 0.05

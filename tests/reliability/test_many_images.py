"""Folders of many images: bad ones are listed and do not stop the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faults.place import write
from numpy.typing import NDArray
from PIL import Image as Pillow

from overtile.cli.main import main

Tally = Callable[..., None]


def texture(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(list(shape)).integers(0, 120, shape).astype(np.uint8)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "many").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predict(trained: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    arguments = ("predict", str(trained), "many", "--out", "results", "--save", "labels")
    code = main([*arguments, "--device", "cpu"])
    shown = capfd.readouterr()
    assert "Traceback" not in shown.err
    return code, shown.out.splitlines()


def spoil_seven(many: Path) -> dict[str, str]:
    """Spoil seven of the files; give what must be told of each."""
    paths = sorted(many.iterdir())
    bad = dict(zip((0, 13, 14, 50, 77, 98, 99), range(7), strict=True))
    first, second, third, fourth, fifth, sixth, last = (paths[number] for number in bad)
    first.write_bytes(b"")
    second.write_bytes(second.read_bytes()[:500])
    third.write_bytes(b"<html>404</html>")
    write(fourth, np.full((20, 24), np.nan, np.float32))
    write(fifth, texture(3, 20, 24), photometric="rgb", planarconfig="separate")
    write(sixth, texture(20, 24).astype(np.complex64))
    last.write_bytes(np.random.default_rng(0).bytes(900))
    return {
        first.name: "is empty",
        second.name: "is cut short",
        third.name: "is a web page",
        fourth.name: "NaN",
        fifth.name: "has 3 channels, the model was trained on 1",
        sixth.name: "complex64 pixels",
        last.name: "is not a PNG, JPEG or TIFF",
    }


def test_seven_bad_images_among_a_hundred_leave_93_results(
    here: Path, trained: Path, capfd: pytest.CaptureFixture[str], tally: Tally
) -> None:
    for number in range(100):
        write(here / "many" / f"{number:03}.tif", texture(20, 24) + np.uint8(number))
    bad = spoil_seven(here / "many")
    code, lines = predict(trained, capfd)
    assert code == 2
    left_out = [line for line in lines if line.startswith("LEFT OUT: ")]
    assert len(left_out) == 7
    for line, (name, fault) in zip(left_out, bad.items(), strict=True):
        assert line.startswith(f"LEFT OUT: many/{name}: ")
        assert fault in line
        assert "; " in line
    assert lines[-1] == "93 images written to results, 0 were there already, 7 left out"
    results = {path.name for path in (here / "results").glob("*.tif")}
    assert results == {
        f"{number:03}_labels.tif" for number in range(100) if f"{number:03}.tif" not in bad
    }
    tally("bad images among good", 100, len(results) + len(left_out), written=len(results))


def test_a_png_is_predicted_beside_its_strays(
    here: Path, trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Pillow.fromarray(texture(20, 24)).save(here / "many" / "a.png")
    for name in (".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", "readme.txt"):
        (here / "many" / name).touch()
    (here / "many" / ".ipynb_checkpoints").mkdir()
    code, lines = predict(trained, capfd)
    assert code == 0
    assert lines[-1] == "1 image written to results, 0 were there already, 0 left out"

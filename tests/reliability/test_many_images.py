"""Folders of many images: bad ones do not stop the rest, and any size and kind is predicted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from faults.place import write
from PIL import Image as Pillow

from overtile.cli.main import main
from overtile.config import NetworkConfig
from overtile.data.normalise import normalise
from overtile.inference.predict import Predictor
from overtile.io import read_image
from overtile.model.unet import UNet

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

TILE = 32
"""`tile_output` of the recipe of `trained`."""

SIDES = (1, 2, 3, 7, 15, 16, 17, 31, 33, TILE - 1, TILE, TILE + 1, 2 * TILE + 1)
DTYPES = (np.uint8, np.uint16, np.int16, np.float32)


def texture(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(list(shape))
    return rng.integers(0, 120, shape).astype(dtype)


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


def test_images_of_any_size_and_depth_are_predicted_at_their_size(
    here: Path, trained: Path, capfd: pytest.CaptureFixture[str], amount: Amount
) -> None:
    sizes = list(itertools.product(SIDES, SIDES))
    sizes = sizes[:: len(sizes) // amount(40, len(sizes))]
    for number, size in enumerate(sizes):
        dtype = DTYPES[number % len(DTYPES)]
        write(here / "many" / f"{number:03}.tif", texture(*size, dtype=dtype))
    code, lines = predict(trained, capfd)
    assert code == 0, lines
    for number, size in enumerate(sizes):
        assert tifffile.imread(here / "results" / f"{number:03}_labels.tif").shape == size


@pytest.mark.parametrize("channels", range(1, 6))
def test_any_number_of_channels_is_predicted_at_its_size(tmp_path: Path, channels: int) -> None:
    torch.manual_seed(0)
    network = UNet(channels, 2, NetworkConfig(base_channels=2, depth=1)).eval()
    for size in ((1, 2), (1, 33), (16, 3), (31, 65)):
        path = tmp_path / "a.tif"
        array = texture(channels, *size, dtype=np.uint16)
        write(path, array, imagej=True, metadata={"axes": "CYX"})
        image = read_image(path)
        assert image.channels == channels
        predictor = Predictor(network=network, tile_output=TILE)
        probabilities = predictor.probabilities(normalise(image.pixels[0]))
        assert probabilities.shape == (2, *size)
        assert np.isfinite(probabilities).all()


def test_a_png_is_predicted_beside_its_strays(
    here: Path, trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Pillow.fromarray(texture(20, 24)).save(here / "many" / "a.png")
    for name in (".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", "readme.txt"):
        (here / "many" / name).touch()
    (here / "many" / ".ipynb_checkpoints").mkdir()
    code, lines = predict(trained, capfd)
    assert code == 0
    assert lines[-1] == "1 images written to results, 0 were there already, 0 left out"

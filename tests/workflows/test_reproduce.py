from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from overtile.cli.main import main
from overtile.errors import ImageError, ModelError, StoppedError
from overtile.model.file import load_model, save_model
from overtile.workflows.reproduce import ReproduceRequest, reproduce

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def asked(trained: Path, cells: Path) -> ReproduceRequest:
    return ReproduceRequest(
        model=trained, images=str(cells / "images"), labels=str(cells / "labels")
    )


def renamed(cells: Path, target: Path) -> tuple[Path, Path]:
    """Copy the cells under other names, in another order, beside an image that is not theirs."""
    for kind in ("images", "labels"):
        (target / kind).mkdir(parents=True)
        for number in range(4):
            source = cells / kind / f"cell{number}.tif"
            shutil.copy(source, target / kind / f"dish{9 - number}.tif")
    return target / "images", target / "labels"


@pytest.mark.parametrize("name", ["model.safetensors", "last.safetensors"])
def test_a_model_is_reproduced_to_the_last_bit(asked: ReproduceRequest, name: str) -> None:
    result = reproduce(replace(asked, model=asked.model / name))
    assert result.equal
    assert result.weights_sha256 == result.reproduced_sha256
    assert (result.largest_difference, result.differences) == (0.0, ())


def test_names_and_order_of_the_images_do_not_matter(
    asked: ReproduceRequest, cells: Path, tmp_path: Path
) -> None:
    images, labels = renamed(cells, tmp_path)
    assert reproduce(replace(asked, images=str(images), labels=str(labels))).equal


def test_images_that_have_changed_or_gone_are_counted(
    asked: ReproduceRequest, cells: Path, tmp_path: Path
) -> None:
    images, labels = renamed(cells, tmp_path)
    for folder in (images, labels):
        (folder / "dish9.tif").unlink()
    with pytest.raises(ImageError, match=r"images: 1 of the 3 images .* are not here, or have"):
        reproduce(replace(asked, images=str(images), labels=str(labels)))


def test_another_seed_is_not_reproduced_and_the_difference_is_told(
    asked: ReproduceRequest, tmp_path: Path
) -> None:
    network, record = load_model(asked.model)
    assert record.origin is not None
    other = record.model_copy(update={"origin": record.origin.model_copy(update={"seed": 1})})
    save_model(tmp_path / "other.safetensors", network, other)
    result = reproduce(replace(asked, model=tmp_path / "other.safetensors"))
    assert not result.equal
    assert result.largest_difference > 1e-3


def test_a_model_that_does_not_say_its_origin_is_refused(
    asked: ReproduceRequest, tmp_path: Path
) -> None:
    network, record = load_model(asked.model)
    save_model(tmp_path / "a.safetensors", network, record.model_copy(update={"origin": None}))
    with pytest.raises(ModelError, match=r"a\.safetensors: does not say what it was trained on"):
        reproduce(replace(asked, model=tmp_path / "a.safetensors"))


def test_it_stops_when_asked(asked: ReproduceRequest) -> None:
    with pytest.raises(StoppedError) as stop:
        reproduce(asked, should_stop=lambda: 130)
    assert stop.value.exit_code == 130


def test_the_command_tells_both_digests_and_ends_with_0(
    trained: Path, cells: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["reproduce", str(trained), "--data", str(cells / "images"), str(cells / "labels")]
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("reproduced: all weights are equal, bit by bit\n")
    assert main([*words, "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["weights_sha256"] == told["reproduced_sha256"]


def test_the_command_ends_with_2_where_weights_differ(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, record = load_model(trained)
    with torch.no_grad():
        network.classify.bias[0] += 1e-6
    save_model(tmp_path / "other.safetensors", network, record)
    data = [str(cells / "images"), str(cells / "labels")]
    assert main(["reproduce", str(tmp_path / "other.safetensors"), "--data", *data]) == 2
    assert "NOT reproduced: weights differ by up to 1e-06" in capsys.readouterr().out

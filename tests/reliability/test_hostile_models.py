"""Model files from strangers: none runs code, none takes long or much memory, all are refused."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Amount, Tally
from harness.hostile import Met, meet, write_hostile_files, write_pickles
from harness.zygote import Command, Zygote
from torch import Tensor

from overtile.config import NetworkConfig
from overtile.errors import ModelError
from overtile.model.file import ModelRecord, load_model, save_model, verify_model
from overtile.model.self_test import EXPECTED_NAME
from overtile.model.tensor_file import open_tensor_file, pack
from overtile.model.unet import UNet

MB = 1 << 20
NETWORKS = (
    NetworkConfig(base_channels=4, depth=2),
    NetworkConfig(base_channels=8, depth=1, batch_norm=True),
    NetworkConfig(base_channels=6, depth=2),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def files(folder: Path, trained: Path) -> list[Path]:
    return write_hostile_files(folder, trained / "model.safetensors")


@pytest.fixture(scope="module")
def met(files: list[Path], trained: Path, cells: Path) -> list[Met]:
    """How `overtile info --verify` and `overtile predict` met each file."""
    good, image = trained / "model.safetensors", cells / "images" / "cell0.tif"
    return meet(files, good=good, image=image)


def test_every_hostile_file_is_refused_with_one_line(met: list[Met], tally: Tally) -> None:
    refused = [
        one
        for one in met
        if one.code == 2
        and one.output.startswith("error: ")
        and one.output.count("\n") == 1
        and Path(one.file).name in one.output
        and len(one.output) < 600
    ]
    clean = [one for one in refused if not one.events]
    files = {one.file for one in met}
    survived = len(files - {one.file for one in met if one not in clean})
    tally("hostile model files", len(files), survived)
    assert [one for one in met if one not in refused] == []
    assert len(files) >= 80
    assert Counter(one.command for one in met) == {"info": len(files), "predict": len(files)}


def test_nothing_is_run_imported_written_or_asked_of_the_system(
    met: list[Met], folder: Path
) -> None:
    assert [(one.file, one.events) for one in met if one.events] == []
    assert not (folder / "canary").exists()
    assert [path.name for path in (folder / "out").iterdir()] == ["model"]  # of the good one


def test_no_file_takes_long_or_much_memory(met: list[Met]) -> None:
    assert [(one.file, one.seconds) for one in met if one.seconds > 2] == []
    assert [(one.file, one.largest_growth) for one in met if one.largest_growth > 100 * MB] == []


def test_the_hook_and_the_canary_notice_each_way_to_run_code(tmp_path: Path) -> None:
    files = write_pickles(tmp_path)
    met = meet(files, good=tmp_path / "none", image=tmp_path / "none", unpickle=True)
    assert [one.file for one in met if not one.events] == []
    assert (tmp_path / "canary").exists()


@pytest.fixture(scope="module")
def models(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One trained network, and three that never were."""
    folder = tmp_path_factory.mktemp("models")
    _, record = load_model(trained)
    paths = [trained / "model.safetensors"]
    for number, config in enumerate(NETWORKS):
        paths.append(folder / f"{number}.safetensors")
        with torch.random.fork_rng():
            torch.manual_seed(number)
            network = UNet(record.in_channels, len(record.class_names), config)
        fields = dict(record) | {"network": config, "origin": None}
        save_model(paths[-1], network, ModelRecord(**fields))
    return paths


def test_a_tensor_off_by_a_thousandth_is_found_though_the_file_was_sealed_anew(
    models: list[Path], one_thread: None, tmp_path: Path, amount: Amount, tally: Tally
) -> None:
    rng = np.random.default_rng(0)
    tried, missed = amount(50, 1000), []
    for number in range(tried):
        file = open_tensor_file(models[number % len(models)])
        tensors = file.tensors()
        name = rng.choice([name for name, value in tensors.items() if _matters(name, value)])
        tensors[name] += _a_thousandth(tensors[name], rng)
        (tmp_path / "model").write_bytes(pack(tensors, file.record))
        load_model(tmp_path / "model")
        with suppress(ModelError):
            missed.append((name, verify_model(tmp_path / "model").self_test))
    tally("tampered models found by their self-test", tried, tried - len(missed))
    assert missed == []


def _matters(name: str, value: Tensor) -> bool:
    return name != EXPECTED_NAME and value.is_floating_point() and bool(value.any())


def _a_thousandth(tensor: Tensor, rng: np.random.Generator) -> Tensor:
    """Give a change of a thousandth of a tensor, in its own direction or in any."""
    direction = tensor
    if rng.random() < 0.5:
        direction = torch.from_numpy(rng.standard_normal(tensor.shape, np.float32))
    return direction * float(1e-3 * tensor.norm() / direction.norm())


@pytest.mark.parametrize(
    ("command", "name"),
    [("info", "pickle, system call.safetensors"), ("predict", "deep record.safetensors")],
)
def test_a_command_of_its_own_refuses_it_too(
    command: str, name: str, files: list[Path], folder: Path, cells: Path, zygote: Zygote
) -> None:
    argv = [command, str(folder / name)]
    if command == "predict":
        argv += [str(cells / "images"), "--out", str(folder / "out")]
    output = folder / "output.txt"
    ended = zygote.run(Command(argv=argv, folder=folder, output=output))
    assert ended.code == 2
    assert output.read_text("utf-8").count("\n") == 1
    assert not (folder / "canary").exists()

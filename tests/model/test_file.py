from __future__ import annotations

import errno
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from overtile.config import NetworkConfig, PredictionConfig
from overtile.errors import DivergedError, ModelError, OutputError
from overtile.model import file
from overtile.model.file import MODEL_NAME, ModelRecord, load_model, model_path
from overtile.model.file import save_model as save
from overtile.model.self_test import EXPECTED_NAME, answer
from overtile.model.unet import UNet
from overtile.seal import UNSEALED, seal

NETWORK = NetworkConfig(base_channels=1, depth=1)
RECORD = ModelRecord(
    version="0.1.0",
    in_channels=2,
    class_names=("background", "cell", "débris"),
    label_kind="classes",
    network=NETWORK,
    prediction=PredictionConfig(threshold=0.4, smallest_object_px=7),
    precision="bf16",
    pixel_size_um=(0.13, 0.065),
    recipe="paper",
    step=1234,
    scores={"mean_dice": 0.9},
)


def some_network(config: NetworkConfig = NETWORK) -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet(2, 3, config)


def content(record: dict[str, Any] | str, tensors: dict[str, Tensor] | None = None) -> bytes:
    """Give a sealed model file with any record and, unless told, the tensors of RECORD."""
    if isinstance(record, dict):
        record = json.dumps({"seal": UNSEALED, **record})
    return seal(tensors_to_bytes(TENSORS if tensors is None else tensors, {"overtile": record}))


def header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


def changed(**changes: object) -> dict[str, Any]:
    return {**RECORD.model_dump(mode="json"), **changes}


TENSORS = {**some_network().state_dict(), EXPECTED_NAME: answer(some_network())}
WHOLE = content(RECORD.model_dump(mode="json"))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_network_and_record_survive_writing_and_reading(
    tmp_path: Path, batch_norm: bool, dimensions: int
) -> None:
    config = NetworkConfig(**{**dict(NETWORK), "batch_norm": batch_norm, "dimensions": dimensions})
    network, record = some_network(config), ModelRecord(**{**dict(RECORD), "network": config})
    save(tmp_path / "a.safetensors", network, record)
    again, read = load_model(tmp_path / "a.safetensors")
    assert read == record
    assert again.state_dict().keys() == network.state_dict().keys()
    for name, values in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], values)


def test_a_loaded_network_predicts_like_the_saved_one(tmp_path: Path) -> None:
    network, pixels = some_network().eval(), torch.ones(1, 2, 20, 20)
    save(tmp_path / "a.safetensors", network, RECORD)
    again, _ = load_model(tmp_path / "a.safetensors")
    assert not again.training
    assert torch.equal(again(pixels), network(pixels))


def test_saving_leaves_a_network_in_training(tmp_path: Path) -> None:
    network = some_network().train()
    save(tmp_path / "a.safetensors", network, RECORD)
    assert network.training


def test_a_run_folder_means_its_model(tmp_path: Path) -> None:
    save(tmp_path / MODEL_NAME, some_network(), RECORD)
    assert model_path(tmp_path) == tmp_path / MODEL_NAME
    assert load_model(tmp_path)[1] == RECORD


def test_equal_models_are_equal_files(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        save(tmp_path / name, some_network(), RECORD)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_optional_parts_of_the_record_may_be_missing(tmp_path: Path) -> None:
    record = RECORD.model_dump(mode="json", exclude={"pixel_size_um", "scores"})
    (tmp_path / "a").write_bytes(content(record))
    _, read = load_model(tmp_path / "a")
    assert (read.pixel_size_um, read.scores) == (None, {})


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"holds no {MODEL_NAME}; give a run folder"):
        load_model(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.safetensors: cannot be read .*No such file"):
        load_model(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "strange",
    [
        b"",
        b"short",
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        bytes(99),
        header(b"{}"),
        header(b"[]"),
        header(b"no JSON"),
        header(b"\xff\xfe\xff\xfe"),
        header(b'{"__metadata__": 3}'),
        header(b'{"__metadata__": {"overtile": 3}}'),
        header(b'{"__metadata__": {"overtile": "no JSON"}}'),
        header(b"[" * 100_000),
        tensors_to_bytes({"weight": torch.zeros(3)}),
        tensors_to_bytes({"weight": torch.zeros(3)}, {"format": "pt"}),
    ],
)
def test_what_is_no_model_of_overtile_is_refused(tmp_path: Path, strange: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(strange)
    with pytest.raises(ModelError, match=r"a\.safetensors: is not a model file of overtile; "):
        load_model(path)


def test_too_large_a_header_is_refused_unread(tmp_path: Path) -> None:
    padded = changed(recipe="x" * (1 << 20))
    (tmp_path / "a").write_bytes(content(padded))
    with pytest.raises(ModelError, match="is not a model file"):
        load_model(tmp_path / "a")


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    run, path = tmp_path / "was-run", tmp_path / "a.pt"
    for write in (torch.save, lambda bomb, to: to.write_bytes(pickle.dumps(bomb))):
        write(Bomb(run), path)
        with pytest.raises(ModelError, match="is not a model file"):
            load_model(path)
    assert not run.exists()


def test_a_model_file_holds_json_and_numbers_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save(path, some_network(), RECORD)
    written = path.read_bytes()
    length = int.from_bytes(written[:8], "little")
    assert json.loads(written[8 : 8 + length])["__metadata__"].keys() == {"overtile"}
    assert len(written) == 8 + length + sum(values.nbytes for values in TENSORS.values())


@settings(deadline=None, database=None, max_examples=30)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_refused(
    length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.safetensors"
    path.write_bytes(WHOLE[:length])
    with pytest.raises(ModelError, match=r"is damaged|is not a model file"):
        load_model(path)


@settings(deadline=None, database=None, max_examples=30)
@given(position=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed(
    position: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("byte") / "a.safetensors"
    flipped = bytes([WHOLE[position] ^ 1 << bit])
    path.write_bytes(WHOLE[:position] + flipped + WHOLE[position + 1 :])
    with pytest.raises(ModelError):
        load_model(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_of_a_diverged_network_are_neither_saved_nor_loaded(
    tmp_path: Path, value: float
) -> None:
    network = some_network()
    with torch.no_grad():
        network.get_parameter("bottom.0.weight")[0, 0, 1, 1] = value
    with pytest.raises(DivergedError, match=r"bottom\.0\.weight became NaN or infinite"):
        save(tmp_path / "a", network, RECORD)
    assert not list(tmp_path.iterdir())
    (tmp_path / "a").write_bytes(content(changed(), {**TENSORS, **network.state_dict()}))
    with pytest.raises(ModelError, match=r"NaN or infinite weights in bottom\.0\.weight; train"):
        load_model(tmp_path / "a")


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {**TENSORS, "more": torch.zeros(1)},
        {name: values for name, values in TENSORS.items() if name != "classify.bias"},
        {**TENSORS, "classify.bias": torch.zeros(4)},
        {**TENSORS, "classify.bias": torch.zeros(3, dtype=torch.float64)},
        {name: values for name, values in TENSORS.items() if name != EXPECTED_NAME},
        {**TENSORS, EXPECTED_NAME: torch.zeros(3, dtype=torch.float64)},
    ],
    ids=["none", "one too many", "one missing", "other shape", "doubles", "no test", "short test"],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    (tmp_path / "a").write_bytes(content(changed(), weights))
    with pytest.raises(ModelError, match="weights do not fit the network that it describes"):
        load_model(tmp_path / "a")


def test_no_memory_is_taken_for_weights_that_the_file_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def spy(in_channels: int, classes: int, config: NetworkConfig) -> UNet:
        network = UNet(in_channels, classes, config)
        made.append(network.classify.weight.device.type)
        return network

    monkeypatch.setattr(file, "UNet", spy)
    (tmp_path / "a").write_bytes(content(changed(), {}))
    with pytest.raises(ModelError, match="do not fit"):
        load_model(tmp_path / "a")
    assert made == ["meta"]


def test_a_giant_is_refused_before_it_is_made(tmp_path: Path) -> None:
    giant = changed(network={"base_channels": 512, "depth": 6})
    (tmp_path / "a").write_bytes(content(giant, {}))
    with pytest.raises(ModelError, match=r"describes a network of \d{11} parameters; at most"):
        load_model(tmp_path / "a")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"format": 0}, "format: Input should be 1"),
        ({"version": "\033[2J"}, "version: must be one line, without control"),
        ({"class_names": ["background", "a\nb"]}, r"class_names\.1: must be one line"),
        ({"k" * 500: 1}, "k{80}: Extra inputs"),
        ({"origin": {"seed": 1}}, r"origin\.recipe: Field required"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"network": {"layers": 3}}, r"network\.layers: Extra inputs"),
        ({"network": {"depth": 0}}, r"network\.depth: .*greater than or equal to 1"),
        ({"class_names": ["background"]}, "class_names: .*at least 2"),
        ({"in_channels": 0}, "in_channels: "),
        ({"label_kind": "boxes"}, "label_kind: "),
        ({"pixel_size_um": [float("nan"), 1]}, r"pixel_size_um\.0: .*finite"),
        ({"scores": {"dice": float("inf")}}, r"scores\.dice: .*finite"),
    ],
)
def test_a_record_from_elsewhere_is_refused_by_its_key(
    tmp_path: Path, change: dict[str, Any], fault: str
) -> None:
    (tmp_path / "a").write_bytes(content(changed(**change)))
    with pytest.raises(ModelError, match=rf"its record is not understood \({fault}.*; update"):
        load_model(tmp_path / "a")


@pytest.mark.parametrize(
    "record",
    [
        "null",
        f'["{UNSEALED}"]',
        f'"{UNSEALED}"',
        f'{{"seal": "{UNSEALED}", "step": 1, "step": 2}}',
        '{"version": "0.1.0"}',
    ],
    ids=["null", "list", "text", "a key twice", "no seal"],
)
def test_a_record_that_is_no_sealed_table_is_refused(tmp_path: Path, record: str) -> None:
    unsealed = tensors_to_bytes(TENSORS, {"overtile": record})
    (tmp_path / "a").write_bytes(unsealed)
    with pytest.raises(ModelError, match="is not a model file of overtile"):
        load_model(tmp_path / "a")


def test_a_file_of_a_later_format_asks_for_a_newer_release(tmp_path: Path) -> None:
    later = changed(format=2, version="7.0", colour="red")
    (tmp_path / "a").write_bytes(content(later))
    told = "a: was written by overtile 7.0, and needs a newer release; update overtile"
    with pytest.raises(ModelError, match=told):
        load_model(tmp_path / "a")


def test_an_existing_model_stays_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / MODEL_NAME
    path.write_bytes(WHOLE)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match=r"No space left on device.*; \d+ bytes are needed"):
        save(path, some_network(), RECORD)
    assert path.read_bytes() == WHOLE
    assert list(tmp_path.iterdir()) == [path]


def test_loading_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save(path, some_network(), RECORD)
    state = torch.get_rng_state()
    load_model(path)
    assert torch.equal(torch.get_rng_state(), state)


def test_reading_a_model_waits_for_no_compiler(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", some_network(), RECORD)
    code = (
        "import sys; from overtile.model.file import load_model;"
        "load_model(sys.argv[1]); sys.exit('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.safetensors"], check=False)
    assert done.returncode == 0

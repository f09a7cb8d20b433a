from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as tensors_from_bytes

from overtile.config import NetworkConfig, PredictionConfig
from overtile.errors import ModelError
from overtile.model.file import (
    ModelRecord,
    demand_digest,
    load_model,
    save_model,
    verify_model,
    weights_digest,
)
from overtile.model.self_test import (
    EXPECTED_NAME,
    LARGEST_DIFFERENCE,
    answer,
    answer_shape,
    difference,
    self_test_input,
)
from overtile.model.tensor_file import open_tensor_file, pack
from overtile.model.unet import UNet
from overtile.seal import file_digest

CONFIG = NetworkConfig(base_channels=4, depth=2, batch_norm=True)


def some_network(config: NetworkConfig = CONFIG, channels: int = 1) -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet(channels, 2, config)


def lay_out(network: UNet) -> UNet:
    """Put channels last in memory; no value changes."""
    for name, value in network.state_dict().items():
        if value.ndim == 4:
            network.get_parameter(name).data = value.to(memory_format=torch.channels_last)
    return network


def record_of(network: UNet) -> ModelRecord:
    return ModelRecord(
        version="0.1.0",
        in_channels=network.in_channels,
        class_names=("background", "cell"),
        label_kind="instances",
        network=network.config,
        prediction=PredictionConfig(),
        precision="fp32",
        recipe="tiny",
        step=0,
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, some_network(), record_of(some_network()))
    return path


def test_the_input_never_changes() -> None:
    pixels = self_test_input(2, CONFIG)
    assert pixels.shape == (1, 2, 44, 44)  # 4 * 8 + 12: the smallest side of depth 2, output 4
    # (n * n * 7919 + n) % 251 for n = 0, 1, 2, 3, from [0, 250] to [-1, 1].
    grey = torch.tensor([0, 139, 52, 241])
    assert pixels[0, 0, 0, :4].tolist() == pytest.approx((grey / 125 - 1).tolist())
    assert (float(pixels.min()), float(pixels.max())) == (-1, 1)
    digest = hashlib.sha256(pixels.numpy().tobytes()).hexdigest()
    assert digest == "defc20294f41df4733ab95fb7b6700b9da8559f754ebc746ced5e6e8e3025e82"


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_answer_has_the_shape_that_is_foretold(dimensions: int, depth: int) -> None:
    config = NetworkConfig(base_channels=1, depth=depth).model_copy(
        update={"dimensions": dimensions}
    )
    network = some_network(config)
    assert tuple(answer(network).shape) == answer_shape(network)


def test_answering_leaves_the_network_and_the_random_state_as_they_are() -> None:
    network = some_network().train()
    weights, state = weights_digest(network), torch.get_rng_state()
    answer(network)
    assert network.training
    assert weights_digest(network) == weights
    assert next(network.parameters()).dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), state)


def test_threads_and_layout_change_the_answer_far_less_than_is_let_pass() -> None:
    network = some_network(NetworkConfig(base_channels=8, depth=3), channels=3)
    expected = answer(network)
    threads = torch.get_num_threads()
    torch.set_num_threads(3 - threads if threads in (1, 2) else 1)
    differences = [difference(answer(network), expected)]
    torch.set_num_threads(threads)
    lay_out(network)
    differences.append(difference(answer(network), expected))
    assert max(differences) < LARGEST_DIFFERENCE / 1000


def test_a_saved_model_is_verified(model: Path) -> None:
    verified = verify_model(model)
    assert verified.sha256 == file_digest(model)
    assert verified.weights_sha256 == weights_digest(load_model(model)[0])
    assert verified.self_test is not None
    assert verified.self_test <= LARGEST_DIFFERENCE


def test_weights_that_were_changed_and_sealed_anew_are_found_by_the_self_test(model: Path) -> None:
    file = open_tensor_file(model)
    tensors = file.tensors()
    tensors["bottom.0.weight"][0, 0] *= 1.001
    model.write_bytes(pack(tensors, file.record))
    load_model(model)
    with pytest.raises(ModelError, match="does not answer its self-test as it did when it was"):
        verify_model(model)


def test_an_answer_that_is_no_number_is_no_answer() -> None:
    assert not difference(torch.tensor([float("nan")]), torch.ones(1)) <= LARGEST_DIFFERENCE
    assert not difference(torch.ones(1), torch.zeros(1)) <= LARGEST_DIFFERENCE
    assert difference(torch.zeros(1), torch.zeros(1)) == 0


def test_a_network_whose_smallest_tile_is_huge_has_no_self_test(tmp_path: Path) -> None:
    # Depth 6 needs tiles of 764 px: 1 024 channels of them are 600 million values.
    config = NetworkConfig(base_channels=1, depth=6)
    network = some_network(config, channels=1024)
    assert answer_shape(network) is None
    path = tmp_path / "model.safetensors"
    save_model(path, network, record_of(network))
    assert EXPECTED_NAME not in tensors_from_bytes(path.read_bytes())
    assert verify_model(path).self_test is None


def test_what_the_disk_gives_back_is_compared_with_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = some_network()
    other = pack(
        {**network.state_dict(), "classify.bias": torch.ones(2), EXPECTED_NAME: answer(network)},
        record_of(network).model_dump(mode="json"),
    )
    monkeypatch.setattr(
        "overtile.model.file.write_bytes", lambda path, content: path.write_bytes(other)
    )
    with pytest.raises(ModelError, match="does not hold what was saved; check the disk"):
        save_model(tmp_path / "a", network, record_of(network))


def test_only_the_file_that_is_meant_is_accepted(model: Path) -> None:
    digest = file_digest(model)
    demand_digest(model, digest.upper())
    for other in (digest[:-1], "0" * 64, ""):
        with pytest.raises(ModelError, match=f"has another SHA-256: {digest}"):
            demand_digest(model, other)
    with pytest.raises(ModelError, match="cannot be read"):
        demand_digest(model.with_name("none"), digest)


def test_the_digest_of_weights_is_that_of_names_types_shapes_and_bytes() -> None:
    one, other = some_network(), some_network()
    assert weights_digest(one) == weights_digest(other)
    assert weights_digest(one) == weights_digest(lay_out(one))
    with torch.no_grad():
        other.get_parameter("classify.bias")[0] += 1e-6
    assert weights_digest(one) != weights_digest(other)

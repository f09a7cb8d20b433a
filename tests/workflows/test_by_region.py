"""Prediction region by region, against the same image in one piece."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from overtile.config import PredictionConfig
from overtile.data.synthetic import generate
from overtile.errors import ConfigError, StoppedError
from overtile.io import read_image, read_labels
from overtile.model.file import load_model, save_model
from overtile.model.unet import UNet
from overtile.workflows import by_region, one_image
from overtile.workflows.predict import PredictResult, predict
from overtile.workflows.region_store import STORE_SUFFIX, RegionStore
from overtile.workflows.results import PredictRequest, ResultKind
from overtile.workflows.verify import verify_results

HEIGHT, WIDTH = 150, 230


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.asarray(generate("cells", (HEIGHT, WIDTH), np.random.default_rng(0))[0])


@pytest.fixture
def tiled(tmp_path: Path, pixels: NDArray[np.uint8]) -> Path:
    path = tmp_path / "image.tif"
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, pixels, tile=(64, 64), compression="zlib", ome=True, metadata=size)
    return path


def in_one_piece(trained: Path, image: Path, **more: Any) -> tuple[Path, PredictResult]:  # noqa: ANN401
    out = image.parent / "whole"
    return out, predict(request(trained, image, out, **more))


def in_regions(
    trained: Path,
    image: Path,
    should_stop: Any = lambda: None,  # noqa: ANN401
    maps_bytes: int = 200_000,
    **more: Any,  # noqa: ANN401
) -> tuple[Path, PredictResult]:
    """Predict where nothing fits in one piece, regions are 32 rows high, and strips narrow."""
    out = image.parent / "parts"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(one_image.ImagePrediction, "_whole_bytes", lambda self, image: 1 << 60)
        patched.setattr(by_region, "REGION_ROWS", 32)
        patched.setattr(one_image, "DEFAULT_MEMORY_BYTES", maps_bytes)
        return out, predict(request(trained, image, out, **more), should_stop=should_stop)


def request(trained: Path, image: Path, out: Path, **more: Any) -> PredictRequest:  # noqa: ANN401
    settings: dict[str, Any] = {
        "model": trained,
        "inputs": [str(image)],
        "out": out,
        "device": "cpu",
    }
    kinds = get_args(ResultKind)
    return PredictRequest(**settings | {"save": kinds, "exact": True} | more)


def compare(one: Path, other: Path, suffix: str = ".tif") -> None:
    """Demand that labels are equal, and probabilities to rounding."""
    labels = [read_labels(out / f"image_labels{suffix}") for out in (one, other)]
    assert labels[0].pixels.max() > 1
    assert np.array_equal(labels[0].pixels, labels[1].pixels)
    assert labels[0].pixel_size_um == labels[1].pixel_size_um
    for kind in ("foreground", "probabilities", "uncertainty"):
        found = [read_image(out / f"image_{kind}{suffix}") for out in (one, other)]
        assert found[0].axes == found[1].axes
        np.testing.assert_allclose(found[0].pixels, found[1].pixels, atol=1e-5)


def test_a_tiff_in_regions_is_the_tiff_in_one_piece(trained: Path, tiled: Path) -> None:
    whole, expected = in_one_piece(trained, tiled)
    parts, found = in_regions(trained, tiled)
    compare(whole, parts)
    assert read_labels(parts / "image_labels.tif").pixel_size_um == (0.5, 0.5)
    assert found.objects == expected.objects
    assert verify_results(parts).complete
    assert not list(parts.glob(f".*{STORE_SUFFIX}"))


def test_a_stack_in_regions_is_the_stack_in_one_piece(
    trained: Path, tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    stack = np.stack([pixels, pixels[::-1], pixels[:, ::-1]])
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZYX"})
    whole, _ = in_one_piece(trained, path)
    parts, _ = in_regions(trained, path)
    compare(whole, parts)
    assert read_labels(parts / "image_labels.tif").axes == "ZYX"


def test_a_zarr_gives_zarrs_in_regions_as_in_one_piece(
    trained: Path, tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    group = zarr.open_group(tmp_path / "image.ome.zarr", mode="w")
    group.create_array("0", data=pixels + 1, chunks=(40, 50))
    axes: Any = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scale = [{"type": "scale", "scale": [0.25, 0.5]}]
    levels: Any = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": levels}]}
    whole, _ = in_one_piece(trained, tmp_path / "image.ome.zarr")
    parts, _ = in_regions(trained, tmp_path / "image.ome.zarr")
    compare(whole, parts, ".zarr")
    assert read_labels(parts / "image_labels.zarr").pixel_size_um == (0.25, 0.5)
    assert verify_results(parts).complete
    assert (parts / "image_overlay.png").is_file()


def test_equal_images_give_equal_bytes(trained: Path, tiled: Path) -> None:
    parts, _ = in_regions(trained, tiled, save=("labels", "foreground"))
    first = {path.name: path.read_bytes() for path in parts.glob("*.tif")}
    in_regions(trained, tiled, save=("labels", "foreground"), overwrite=True)
    assert {path.name: path.read_bytes() for path in parts.glob("*.tif")} == first


def test_finished_regions_are_not_predicted_again(
    trained: Path, tiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[tuple[int, int]] = []
    original = RegionStore.keep

    def noting(store: RegionStore, page: int, region: Any, arrays: Any) -> None:  # noqa: ANN401
        saved.append((region.columns.start, region.rows.start))
        original(store, page, region, arrays)

    monkeypatch.setattr(RegionStore, "keep", noting)
    with pytest.raises(StoppedError):
        in_regions(trained, tiled, should_stop=lambda: 75 if len(saved) >= 8 else None)
    before = list(saved)
    assert len(before) >= 8
    parts, _ = in_regions(trained, tiled)
    assert not set(saved[len(before) :]) & set(before)
    whole, _ = in_one_piece(trained, tiled)
    compare(whole, parts)


def test_a_region_that_was_damaged_meanwhile_is_predicted_again(trained: Path, tiled: Path) -> None:
    with pytest.raises(StoppedError):
        in_regions(trained, tiled, should_stop=stop_after_calls(12))
    store = next((tiled.parent / "parts").glob(f".*{STORE_SUFFIX}"))
    region = sorted(store.glob("*.region"))[0]
    content = bytearray(region.read_bytes())
    content[-1] ^= 1
    region.write_bytes(content)
    parts, _ = in_regions(trained, tiled)
    whole, _ = in_one_piece(trained, tiled)
    compare(whole, parts)


def stop_after_calls(calls: int) -> Any:  # noqa: ANN401
    left = iter(range(calls))
    return lambda: None if next(left, None) is not None else 75


def test_regions_of_another_model_or_image_are_not_used(
    trained: Path, tiled: Path, pixels: NDArray[np.uint8]
) -> None:
    with pytest.raises(StoppedError):
        in_regions(trained, tiled, should_stop=stop_after_calls(12))
    tifffile.imwrite(tiled, np.ascontiguousarray(pixels[::-1]), tile=(64, 64))
    parts, _ = in_regions(trained, tiled)
    whole, _ = in_one_piece(trained, tiled)
    compare(whole, parts)


@pytest.mark.parametrize("binning", [2, 4])
def test_a_network_that_bins_says_the_same_in_regions(
    trained: Path, tiled: Path, tmp_path: Path, binning: int
) -> None:
    network, model = load_model(trained)
    config = model.network.model_copy(update={"binning": binning})
    coarse = UNet(model.in_channels, 2, config)
    coarse.load_state_dict(network.state_dict())
    grown = model.prediction.model_copy(update={"grow_px": binning, "core_threshold": 0.6})
    path = tmp_path / "coarse.safetensors"
    save_model(
        path, coarse.eval(), model.model_copy(update={"network": config, "prediction": grown})
    )
    whole, _ = in_one_piece(path, tiled)
    parts, _ = in_regions(path, tiled, maps_bytes=400_000)
    compare(whole, parts)


def test_versions_cannot_be_averaged_in_regions(trained: Path, tiled: Path) -> None:
    with pytest.raises(ConfigError, match=r"--tta needs the image in memory.*--memory"):
        in_regions(trained, tiled, test_time="flips8")


def test_too_little_memory_is_refused_in_one_line(trained: Path, tiled: Path) -> None:
    with pytest.raises(ConfigError, match=r"the memory allowed, 1 MB, is below what .*--memory"):
        predict(replace(request(trained, tiled, tiled.parent / "out"), memory_bytes=1_000_000))


def test_classes_in_regions_are_those_in_one_piece(
    trained: Path, tiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = one_image.ImagePrediction.predict

    def of_classes(one: Any, *arguments: Any) -> int:  # noqa: ANN401
        model = one.model.model_copy(update={"label_kind": "classes"})
        return original(replace(one, model=model), *arguments)

    monkeypatch.setattr(one_image.ImagePrediction, "predict", of_classes)
    whole, expected = in_one_piece(trained, tiled, save=("labels",))
    parts, found = in_regions(trained, tiled, save=("labels",))
    labels = [read_labels(out / "image_labels.tif").pixels for out in (whole, parts)]
    assert set(np.unique(labels[0])) == {0, 1}
    assert np.array_equal(labels[0], labels[1])
    assert found.objects == expected.objects == {"image.tif": int(np.count_nonzero(labels[0]))}


@pytest.mark.parametrize("reach", [1, 5])
def test_objects_grow_across_regions_as_in_one_piece(
    trained: Path, tiled: Path, tmp_path: Path, reach: int
) -> None:
    network, record = load_model(trained)
    shown = in_one_piece(trained, tiled, save=("foreground",), exact=True)[0]
    likely = np.sort(read_image(shown / "image_foreground.tif").pixels.ravel())
    low, high = (float(likely[int(share * likely.size)]) for share in (0.5, 0.85))
    prediction = PredictionConfig(threshold=low, core_threshold=high, grow_px=reach)
    model = tmp_path / "grown.safetensors"
    save_model(model, network, record.model_copy(update={"prediction": prediction}))
    whole, expected = in_one_piece(model, tiled, overwrite=True)
    parts, found = in_regions(model, tiled)
    compare(whole, parts)
    assert found.objects == expected.objects

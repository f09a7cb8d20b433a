"""The whole recipe: one frozen, self-checking schema for a TOML file, unknown keys refused."""

from __future__ import annotations

import reprlib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from overtile.choices import Precision
from overtile.colours import COLOUR_PATTERN
from overtile.errors import ConfigError, printable

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Offset = Annotated[float, Field(ge=-10, le=10)]


def _fits_on_a_line(text: str) -> str:
    if printable(text) != text:
        raise PydanticCustomError("line", "must be one line, without control characters")
    return text


Line = Annotated[str, Field(max_length=200), AfterValidator(_fits_on_a_line)]
"""Words for people."""


class Settings(BaseModel):
    """What every table of a recipe shares: frozen, closed, and finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkConfig(Settings):
    """Shape of the U-Net; defaults are figure 1 of Ronneberger 2015."""

    base_channels: Annotated[int, Field(ge=1, le=512)] = 64
    """Channels of the first level; every level below doubles them."""

    depth: Annotated[int, Field(ge=1, le=6)] = 4
    """Number of 2×2 poolings."""

    binning: Literal[1, 2, 4, 8] = 1
    """Side in pixels of the bins that the network sees as its pixels. Not in the paper."""

    batch_norm: bool = False
    """Batch normalisation after each 3×3 convolution. Not in the paper."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of values dropped in training at the end of the contracting path."""

    dimensions: Literal[2, 3] = 2
    """2 for images, 3 for volumes."""


class AugmentationConfig(Settings):
    """How one annotated image becomes many; defaults are Sec. 3.1 of Ronneberger 2015."""

    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 180.0
    """Rotation is drawn uniformly from ± this angle."""

    mirror: bool = False
    """Also flip left-right, half of the time. Not in the paper."""

    scale: Annotated[float, Field(ge=1, lt=4)] = 1.0
    """Zoom is drawn log-uniformly between 1/scale and scale. Not in the paper."""

    elastic_grid: Annotated[int, Field(ge=2, le=32)] = 3
    """Nodes per axis of the coarse grid that carries the random displacements."""

    elastic_sd_px: NotNegative = 10.0
    """Standard deviation of each displacement, in pixels."""

    exact_share: Fraction = 0.3
    """Share of samples with whole-pixel shifts, and quarter turns as far as rotation goes, only:
    they resample exactly."""

    label_offset_px: tuple[Offset, Offset] = (0.0, 0.0)
    """How far down and right of what they show all labels lie; turned tiles keep the offset."""

    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Grey values are multiplied by a factor drawn from 1 ± this."""

    brightness: NotNegative = 0.2
    """An offset is drawn from ± this, in units of the normalised grey range [-1, 1]."""

    gamma: Annotated[float, Field(ge=1, lt=4)] = 1.0
    """Grey values are raised to a power drawn log-uniformly between 1/gamma and gamma."""

    noise_sd: NotNegative = 0.1
    """Largest SD of added noise, in normalised units: gives back what resampling smooths."""

    blur_sd_px: NotNegative = 0.0
    """Largest SD of a Gaussian blur, in pixels, given to a quarter of the samples."""


class LossConfig(Settings):
    """Pixel weights of the cross-entropy; defaults are eq. (2) of Ronneberger 2015."""

    w0: NotNegative = 10.0
    """Height of the border term, unitless. 0 keeps class balancing only."""

    sigma_px: Positive = 5.0
    """Width of the border term, in pixels of the image given to the network."""

    class_balance: Fraction = 1.0
    """Exponent of the inverse class frequency in w_c: 1 balances fully, 0 not at all."""


class OptimiserConfig(Settings):
    """How weights follow gradients; defaults are Sec. 3 of Ronneberger 2015."""

    name: Literal["sgd", "adamw"] = "sgd"
    """Stochastic gradient descent with momentum, or AdamW."""

    learning_rate: Positive = 2e-3
    """Peak learning rate, for a loss that is a mean over pixels."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Momentum of SGD; AdamW takes it as its first beta."""

    weight_decay: NotNegative = 0.0
    """Pull of every weight towards zero, per unit of learning rate."""

    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over the run, after the warm-up."""

    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.03
    """Share of the run over which the learning rate rises linearly from zero."""

    largest_gradient: NotNegative = 1.0
    """Gradients longer than this are shortened to it; 0 leaves them."""


class TrainingConfig(Settings):
    """How much is computed, on what, and how often it is checked."""

    tile_output: Annotated[int, Field(ge=4, le=4096)] = 388
    """Side of the labelled part of a training tile, in pixels; rounded up to the next legal one."""

    batch: Annotated[int, Field(ge=1, le=1024)] = 1
    """Tiles per step."""

    precision: Precision = "fp32"
    """Arithmetic of the network; the loss and the weights stay in 32 bits."""

    minutes: Positive | None = None
    """Wall-clock length of the run; --minutes overrides it."""

    steps: Annotated[int, Field(ge=1)] | None = None
    """Number of steps of the run, which count before minutes; --steps overrides it."""

    validation: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the images held out for validation; --validation overrides it."""

    validations: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many times validation runs, evenly spread over the run."""

    tile_statistics: Fraction = 1.0
    """Share of the run in which batch normalisation takes its statistics from the tiles of a step;
    after it, they are those gathered so far, as at prediction."""

    class_share: Fraction = 0.0
    """Share of tiles that are placed on a pixel of a class drawn evenly, background apart, so that
    rare ones are met. For labels of kind `classes`."""

    tune_objects: bool = False
    """Whether thresholds and growth of objects are chosen by the validation images at the end. For
    labels of kind `instances`."""

    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay per step of the running average of weights that is validated and saved; 0 for none."""


class PredictionConfig(Settings):
    """How probabilities become objects."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """A pixel belongs to an object where its foreground probability exceeds this."""

    smallest_object_px: Annotated[int, Field(ge=0)] = 0
    """Objects whose core has fewer pixels are dropped."""

    core_threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Each piece of foreground above this is the core of an object; the threshold by default."""

    grow_px: Annotated[int, Field(ge=0, le=32)] = 0
    """Cores grow by as many pixels, where the probability exceeds the threshold."""

    temperature: Positive = 1.0
    """Uncertainty is told after the logits are divided by this; fitted to validation images."""

    @property
    def core(self) -> float:
        """The threshold of cores: never below that of objects."""
        return max(self.threshold, self.core_threshold or 0.0)


class Recipe(Settings):
    """All settings of one training run: the paper's unless said otherwise."""

    name: Line = "paper"
    """What the run calls its recipe."""

    class_names: tuple[Line, ...] = ()
    """Names of the classes, background first; numbered if empty. For labels of kind `classes`."""

    class_colours: tuple[Annotated[str, Field(pattern=COLOUR_PATTERN)], ...] = ()
    """Colours of the classes behind the background, such as "#e69f00"; ours if empty."""

    network: NetworkConfig = NetworkConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    training: TrainingConfig = TrainingConfig()
    prediction: PredictionConfig = PredictionConfig()


def shipped_recipes() -> list[str]:
    """Name the recipes inside the package."""
    folder = resources.files("overtile") / "recipes"
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".toml"))


def read_recipe(name: str | Path) -> Recipe:
    """Read a recipe by name or from a TOML file.

    Parameters
    ----------
    name : str or path
        ``paper``, ``auto``, or a file that ends in ``.toml``. A file may say ``extends = "paper"``
        and then holds only what differs.

    Returns
    -------
    recipe : Recipe

    Raises
    ------
    ConfigError
        If there is no such recipe, or it holds an unknown key or a value out of range.
    """
    return parse_recipe(read_tables(str(name)), source=str(name))


def parse_recipe(tables: dict[str, Any], *, source: str) -> Recipe:
    """Check the tables of a recipe against the schema; `source` is named in errors."""
    tables = dict(tables)
    parent = tables.pop("extends", None)
    if parent is not None:
        if parent not in shipped_recipes():
            raise ConfigError(
                f"extends {parent!r}, which is not a recipe",
                remedy=f"extend one of {', '.join(shipped_recipes())}",
                path=source,
            )
        tables = merge_tables(read_tables(parent), tables)
    try:
        return Recipe.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        got = reprlib.repr(first["input"])  # short, however long or nested the value is
        raise ConfigError(
            f"`{key}`: {first['msg']}",
            remedy=f"got {got}; docs/reference/recipes.md lists keys and ranges",
            path=source,
        ) from error


def recipe_toml(recipe: Recipe) -> str:
    """Write a recipe as TOML that `read_recipe` reads back to an equal one."""
    content = recipe.model_dump(exclude_none=True)
    top = {key: value for key, value in content.items() if not isinstance(value, dict)}
    lines = [f"{key} = {_toml_value(value)}" for key, value in top.items()]
    for table, settings in content.items():
        if isinstance(settings, dict):
            lines += ["", f"[{table}]"]
            lines += [f"{key} = {_toml_value(value)}" for key, value in settings.items()]
    return "\n".join(lines) + "\n"


def read_tables(name: str) -> dict[str, Any]:
    """Read the tables of a recipe by name or from a TOML file, unchecked."""
    if name in shipped_recipes():
        text = (resources.files("overtile") / "recipes" / f"{name}.toml").read_text("utf-8")
    elif not name.endswith(".toml"):
        raise ConfigError(
            f"there is no recipe {name!r}",
            remedy=f"use one of {', '.join(shipped_recipes())}, or a file ending in .toml",
        )
    else:
        text = _read_text(name)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also an endless number
        raise ConfigError(f"is not TOML ({error})", remedy="mend that line", path=name) from error


def _read_text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8 text'})",
            remedy="give the path of a recipe in TOML",
            path=path,
        ) from error


def merge_tables(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay tables above others: what both have is taken from `above`."""
    merged = dict(below)
    for key, value in above.items():
        nested = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = merge_tables(below[key], value) if nested else value
    return merged


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = "".join(f"\\{c}" if c in '"\\' else c for c in value)
        return f'"{escaped}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml_value(item) for item in value)}]"
    return repr(value)

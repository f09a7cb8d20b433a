"""Fill the parts of the documentation that are facts of the code, between their markers.

``python docs/make_reference.py`` rewrites them; with ``--check`` it only says which pages are out
of date, and ends with 1 if any is. A marker is a line ``<!-- generated: NAME -->``; all up to the
next ``<!-- end -->`` belongs to it.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from overtile import config
from overtile.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "overtile"
PAGES = (
    "docs/reference/command-line.md",
    "docs/reference/recipes.md",
    "docs/how-to/use-from-python.md",
    "docs/how-to/write-a-recipe.md",
    "docs/explanation/architecture.md",
    "docs/explanation/paper-map.md",
)
MARKED = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)

CHOSEN = {
    *("network.base_channels", "training.tile_output", "training.batch", "training.precision"),
    *("loss.w0", "prediction.smallest_object_px", "network.depth"),
    *("augmentation.rotation_degrees", "augmentation.mirror"),
    *("network.binning", "loss.sigma_px", "augmentation.elastic_sd_px"),
    *("augmentation.label_offset_px", "augmentation.exact_share", "augmentation.contrast"),
    *("augmentation.brightness", "augmentation.gamma", "augmentation.noise_sd"),
}
"""Keys that `training/plan.py` sets for the data and the machine when the recipe is `auto`."""

MEANINGS = {
    "optimiser.name": "SGD with momentum, or AdamW.",
    "optimiser.weight_decay": "Added to the gradient by SGD, applied beside it by AdamW.",
    "training.precision": "Arithmetic of the network; weights and loss stay in float32.",
}
"""Of the keys that have no text of their own in `config.py`."""

REASONS = {
    "network.base_channels": "A machine without a GPU takes too few steps at full width; the width "
    "is then chosen by measuring.",
    "network.batch_norm": "Meant to make a short run less sensitive to rate and start. Its "
    "statistics are fixed at prediction, so tiles still agree.",
    "network.dropout": "Few channels are left to drop in a narrow network.",
    "network.depth": "The receptive field that the data need.",
    "network.binning": "Where objects are large, coarser pixels show them whole for a fraction of "
    "the arithmetic.",
    "augmentation.rotation_degrees": "How far images of this kind may be turned: little where "
    "classes lie on one side of each other in all of them.",
    "augmentation.mirror": "A flipped micrograph is as likely as the original, unless classes lie "
    "left and right of each other in all images.",
    "augmentation.scale": "Objects of other sizes come for free.",
    "augmentation.elastic_grid": "How fine the deformation is.",
    "augmentation.elastic_sd_px": "By the working pixel size: ten of its pixels.",
    "augmentation.exact_share": "Resampling smooths noise. Some tiles keep the noise as the "
    "microscope made it, as at prediction; all of them where a run sees each pixel seldom.",
    "augmentation.label_offset_px": "Where labels lie beside what they show, by half a pixel or "
    "more, turned tiles would contradict each other.",
    "augmentation.contrast": "The more, the more often a run sees each pixel.",
    "augmentation.brightness": "The more, the more often a run sees each pixel.",
    "augmentation.gamma": "Uneven staining and exposure bend the grey scale; as much as for "
    "contrast.",
    "augmentation.noise_sd": "Gives back the noise that resampling takes away.",
    "augmentation.blur_sd_px": "Focus differs between images.",
    "loss.w0": "By the kind of the labels. A weight on a gap moves the decision there towards "
    "background, which separates objects and makes probabilities wrong; binary labels draw the "
    "borders themselves and get none.",
    "loss.sigma_px": "By the working pixel size: five of its pixels.",
    "loss.class_balance": "Full balance asks for odds as if all classes were equally frequent, so "
    "that a threshold of one half gives the rarer class too many pixels.",
    "optimiser.name": "Needs less tuning of the learning rate, which the paper does not name.",
    "optimiser.learning_rate": "Belongs to the optimiser.",
    "optimiser.momentum": "Belongs to the optimiser; the first beta of AdamW.",
    "optimiser.weight_decay": "Meant to keep weights small on few images.",
    "optimiser.schedule": "Fits itself to the time given, so that a run of any length ends with "
    "small steps.",
    "optimiser.warm_up": "Belongs to the optimiser: the first steps are the least reliable.",
    "optimiser.largest_gradient": "One odd tile cannot undo the work of many.",
    "training.tile_output": "Chosen for the size of the images and the device.",
    "training.batch": "Small tiles need company, so that a step sees enough pixels.",
    "training.precision": "Chosen by the device.",
    "training.minutes": "The paper's network trained for ten hours; this is a first try.",
    "training.steps": "A length that does not depend on the machine.",
    "training.validation": "How many images can be spared.",
    "training.validations": "How often is worth the time.",
    "training.class_share": "A class of few pixels may lie in no tile that is drawn anywhere.",
    "training.tune_objects": "Two thresholds and a little growth part objects that touch; those of "
    "the paper stay where validation images show no gain.",
    "training.tile_statistics": "Batches are small: a network that only met tiles normalised by "
    "their own statistics would meet other values at prediction.",
    "training.average_decay": "Averaged weights change less from one step to the next.",
    "prediction.threshold": "Where foreground begins.",
    "prediction.smallest_object_px": "By the smallest annotated objects: specks are no objects.",
}
"""Why `auto` may leave the paper, key by key; shown only for the keys where it does."""


def main() -> int:
    """Rewrite the pages, or check them."""
    stale = []
    for page in PAGES:
        path = ROOT / page
        before = path.read_text("utf-8")
        after = MARKED.sub(lambda match: f"{match[1]}{generate(match[2])}\n{match[3]}", before)
        if after != before:
            stale.append(page)
            if "--check" not in sys.argv:
                path.write_text(after, "utf-8")
    verb = "is out of date: run python docs/make_reference.py" if "--check" in sys.argv else "done"
    sys.stdout.write("".join(f"{page} {verb}\n" for page in stale))
    return int(bool(stale) and "--check" in sys.argv)


def generate(name: str) -> str:
    """Write what belongs to one marker, such as ``options train`` or ``file examples/a.py``."""
    what, _, of = name.partition(" ")
    makers: dict[str, Callable[[str], str]] = {
        "commands": lambda _: commands(),
        "options": options,
        "keys": keys,
        "differences": lambda _: differences(),
        "tree": lambda _: tree(),
        "file": included,
    }
    return makers[what](of)


def commands() -> str:
    """List the commands with what they are for."""
    rows = [(f"[`{name}`](#{name})", of.help or "") for name, of in _commands().items()]
    return table(("command", "what it does"), rows)


def options(command: str) -> str:
    """List the arguments and options of a command exactly as its help does."""
    context = typer.main.get_command(app).make_context("overtile", [command, "--help"])
    rows = []
    for parameter in _commands()[command].params:
        left, text = parameter.get_help_record(context)
        text, *extra = text.split("  [")
        facts = [fact for part in extra for fact in part.rstrip("]").split("; ")]
        bounds = [fact for fact in facts if "x" in fact and "=" in fact]
        others = [fact.removeprefix("default: ") for fact in facts if fact not in bounds]
        meaning = " ".join([text, *(f"{bound}." for bound in bounds)])
        rows.append((f"`{left}`", meaning, "; ".join(others) or "–"))
    return table(("argument or option", "meaning", "default"), rows)


def keys(name: str) -> str:
    """List the keys of one table of a recipe; ``top`` for those outside all tables."""
    schema = config.Recipe.model_json_schema()
    model: type[config.Settings] = config.Recipe
    if name != "top":
        model = type(getattr(config.Recipe(), name))
        schema = schema["$defs"][model.__name__]
    meanings = _attribute_docstrings(model)
    rows = []
    for key, of in schema["properties"].items():
        if "$ref" in of:
            continue
        whole = key if name == "top" else f"{name}.{key}"
        auto = _value("auto", whole)
        if whole in CHOSEN:
            auto = "chosen"
        meaning = meanings.get(key) or MEANINGS[whole]
        rows.append((f"`{key}`", _range(of), _value("paper", whole), auto, meaning))
    return table(("key", "values", "`paper`", "`auto`", "meaning"), rows)


def differences() -> str:
    """List the keys in which the two shipped recipes differ, each with its reason."""
    rows = []
    for name, of in config.Recipe().model_dump().items():
        if not isinstance(of, dict):
            continue
        for key in of:
            whole = f"{name}.{key}"
            paper, auto = _value("paper", whole), _value("auto", whole)
            if whole in CHOSEN:
                auto = "chosen"
            if paper != auto:
                rows.append((f"`{whole}`", paper, auto, REASONS[whole]))
    return table(("key", "`paper`", "`auto`", "why"), rows)


def tree() -> str:
    """List every file of the package with the first sentence of its docstring."""
    lines = []
    for path in sorted(PACKAGE.rglob("*.py"), key=_folder_by_folder):
        inside = path.relative_to(PACKAGE)
        text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        first = " ".join(text.split("\n\n")[0].split())
        if path.name != "__init__.py":
            shown = "  " * len(inside.parts) + path.name
        elif inside.parent == Path():
            shown = "overtile/"
        else:
            shown = f"  {inside.parent.as_posix()}/"
        lines.append(f"{shown:<20} {first}".rstrip())
    return "\n".join(["```text", *lines, "```"])


def included(name: str) -> str:
    """Show a file as it is."""
    language = {".py": "python", ".toml": "toml"}[Path(name).suffix]
    return f"```{language}\n{(ROOT / name).read_text('utf-8').rstrip()}\n```"


def table(head: tuple[str, ...], rows: list[Any]) -> str:
    """Write a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _commands() -> dict[str, Any]:
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def _folder_by_folder(path: Path) -> tuple[Any, ...]:
    """Sort files of a folder before those of inner folders, its `__init__.py` first."""
    inside = path.relative_to(PACKAGE)
    return (inside.parent.as_posix() != ".", inside.parent, path.name != "__init__.py", path.name)


def _attribute_docstrings(model: type[config.Settings]) -> dict[str, str]:
    """Read the text under each field of a class; Python itself drops it."""
    (definition,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for field, after in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
            assert isinstance(field.target, ast.Name)
            assert isinstance(after.value, ast.Constant)
            texts[field.target.id] = " ".join(str(after.value.value).split())
    return texts


def _range(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return _range(next(one for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(f"`{_toml(value)}`" for value in schema["enum"])
    if schema["type"] == "array" and "prefixItems" in schema:
        parts = schema["prefixItems"]
        return f"{len(parts)} numbers {_range(parts[0]).removeprefix('number ')}"
    kind = {"integer": "whole", "number": "number", "boolean": "`true`, `false`"}.get(
        schema["type"], {"string": "text", "array": "list of texts"}.get(schema["type"], "")
    )
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    bounds = [f"≥ {low}"] * (low is not None) + [f"> {above}"] * (above is not None)
    bounds += [f"≤ {high}"] * (high is not None) + [f"< {below}"] * (below is not None)
    return f"{kind} {', '.join(bounds)}".rstrip()


@cache
def _recipe(name: str) -> config.Recipe:
    return config.read_recipe(name)


def _value(recipe: str, key: str) -> str:
    value: Any = _recipe(recipe)
    for part in key.split("."):
        value = getattr(value, part)
    return "–" if value is None or value == () else f"`{_toml(value)}`"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    raise SystemExit(main())

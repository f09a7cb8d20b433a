"""Recipes and options that cannot be: `train` must refuse them before it makes a folder."""

from __future__ import annotations

from collections.abc import Mapping

_KEYS = "docs/reference/recipes.md lists keys and ranges"


def _range(table: str, key: str, value: str) -> tuple[bytes, tuple[str, ...]]:
    text = f'extends = "paper"\n[{table}]\n{key} = {value}\n'
    return text.encode(), (f"bad.toml: `{table}.{key}`: ", _KEYS)


RECIPES: Mapping[str, tuple[bytes, tuple[str, ...]]] = {
    "not TOML": (b"depth: 3\n", ("bad.toml: is not TOML", "mend that line")),
    "JSON": (b'{"depth": 3}', ("bad.toml: is not TOML", "mend that line")),
    "a web page": (b"<html>", ("bad.toml: is not TOML", "mend that line")),
    "bytes that are no text": (b"\xff\xfe\0", ("bad.toml: cannot be read (not UTF-8", "in TOML")),
    "a key twice": (b'name = "a"\nname = "b"\n', ("bad.toml: is not TOML", "mend that line")),
    "a table twice": (b"[loss]\n[loss]\n", ("bad.toml: is not TOML", "mend that line")),
    "a string without an end": (b'name = "a\n', ("bad.toml: is not TOML", "mend that line")),
    "arrays a hundred thousand deep": (
        b"name = " + b"[" * 100_000,
        ("bad.toml: is not TOML", "mend that line"),
    ),
    "a number of a hundred thousand digits": (
        b"[network]\ndepth = " + b"9" * 100_000,
        ("bad.toml: ", "; "),
    ),
    "an unknown key": (b"[network]\ndeepness = 3\n", ("bad.toml: `network.deepness`", _KEYS)),
    "an unknown table": (b"[net]\ndepth = 3\n", ("bad.toml: `net`", _KEYS)),
    "a key outside its table": (b"depth = 3\n", ("bad.toml: `depth`", _KEYS)),
    "a table that is a number": (b"network = 3\n", ("bad.toml: `network`", _KEYS)),
    "extends what is not there": (
        b'extends = "best"\n',
        ("bad.toml: extends 'best', which is not a recipe", "extend one of auto, paper"),
    ),
    "extends itself": (b'extends = "bad.toml"\n', ("bad.toml: extends 'bad.toml'", "extend one")),
    "extends a number": (b"extends = 3\n", ("bad.toml: extends 3", "extend one of")),
    "extends a list": (b'extends = ["paper"]\n', ("bad.toml: extends ['paper']", "extend one of")),
    "a name with a control character": (b'name = "a\\u001b[2J"\n', ("bad.toml: `name`", _KEYS)),
    "class names with a line end": (
        b'class_names = ["a", "b\\n"]\n',
        ("bad.toml: `class_names.1`", _KEYS),
    ),
    "words for a number": _range("network", "depth", '"four"'),
    "no depth": _range("network", "depth", "0"),
    "negative depth": _range("network", "depth", "-1"),
    "too deep": _range("network", "depth", "60"),
    "half a depth": _range("network", "depth", "2.5"),
    "channels beyond memory": _range("network", "base_channels", "1000000000"),
    "dropout of all": _range("network", "dropout", "1.0"),
    "dimensions 4": _range("network", "dimensions", "4"),
    "NaN for a rate": _range("optimiser", "learning_rate", "nan"),
    "infinite rate": _range("optimiser", "learning_rate", "inf"),
    "negative rate": _range("optimiser", "learning_rate", "-0.1"),
    "unknown optimiser": _range("optimiser", "name", '"adam"'),
    "no batch": _range("training", "batch", "0"),
    "negative steps": _range("training", "steps", "-5"),
    "a date for steps": _range("training", "steps", "2026-01-01"),
    "no minutes": _range("training", "minutes", "0"),
    "all held out": _range("training", "validation", "1.0"),
    "tiles of no size": _range("training", "tile_output", "0"),
    "a border of no width": _range("loss", "sigma_px", "0.0"),
    "a threshold of 1": _range("prediction", "threshold", "1.0"),
    "rotation beyond a half turn": _range("augmentation", "rotation_degrees", "360"),
}
"""By name: content of a recipe, and words of the line that refuses it."""

OPTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no recipe of that name": (("--recipe", "none.toml"), ("none.toml: cannot be read", "path")),
    "a recipe that is a folder": (("--recipe", "folder.toml"), ("folder.toml: cannot be read",)),
    "steps in words": (("--steps", "many"), ("'--steps'", "see `overtile --help`")),
    "infinitely many steps": (("--steps", "inf"), ("'--steps'", "see `overtile --help`")),
    "minutes in words": (("--minutes", "ten"), ("'--minutes'", "see `overtile --help`")),
    "no minutes given": (("--minutes",), ("--minutes", "see `overtile --help`")),
    "all images held out": (("--validation", "1.0"), ("--validation is a share", "give a number")),
    "more than all held out": (("--validation", "20"), ("--validation is a share", "give a num")),
    "a negative share": (("--validation", "-0.1"), ("--validation is a share", "give a number")),
    "NaN for a share": (("--validation", "nan"), ("--validation is a share", "give a number")),
    "a page that is not there": (("--validation-pages", "3"), ("page 3, and labelled", "from 0")),
    "a negative page": (("--validation-pages", "-1"), ("page -1, and labelled", "from 0")),
    "pages in words": (("--validation-pages", "last"), ("'last' is not a list of pages", "3,9")),
    "all pages": (("--validation-pages", "0,1,2"), ("holds out all 3 pages", "leave some")),
    "two ways to hold out": (
        ("--validation", "0.3", "--validation-pages", "1"),
        ("validation images are named in more than one way", "use one of"),
    ),
    "validation images without labels": (
        ("--validation-images", "images"),
        ("validation needs images and labels", "give both"),
    ),
    "validation images that are not there": (
        ("--validation-images", "none", "--validation-labels", "labels"),
        ("none: does not exist", "give an image"),
    ),
    "a seed in words": (("--seed", "lucky"), ("'--seed'", "see `overtile --help`")),
    "a device that is none": (("--device", "tpu"), ("'tpu' is not a device", "use auto, cpu")),
    "an option that is not there": (("--epochs", "9"), ("--epochs", "see `overtile --help`")),
    "an argument too many": (("more",), ("more", "see `overtile --help`")),
}
"""By name: options of `train`, and words of the line that refuses them."""

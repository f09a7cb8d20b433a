from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import overtile


def names_for_type_checkers() -> dict[str, str]:
    """Read the imports below `if TYPE_CHECKING` as {name: module}."""
    tree = ast.parse(Path(overtile.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_public_name_has_one_home_and_is_known_to_type_checkers() -> None:
    homes = {name: f"overtile.{home}" for name, home in overtile._HOMES.items()}
    assert names_for_type_checkers() == homes
    assert overtile.__all__ == sorted(homes)


@pytest.mark.parametrize("name", overtile.__all__)
def test_a_public_name_is_that_of_its_home(name: str) -> None:
    home = import_module(f"overtile.{overtile._HOMES[name]}")
    assert getattr(overtile, name) is getattr(home, name)


@pytest.mark.parametrize("name", overtile.__all__)
def test_a_public_name_explains_itself(name: str) -> None:
    assert getattr(overtile, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'overtile' has no attribute 'unet'"):
        _ = overtile.unet


def test_the_version_is_that_of_the_package_file() -> None:
    assert overtile.__version__.count(".") == 2


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "skimage", "matplotlib", "pydantic"}
    code = f"import sys, overtile; sys.exit(' '.join({heavy!r} & set(sys.modules)) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

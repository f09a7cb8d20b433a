from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overtile.config import (
    AugmentationConfig,
    NetworkConfig,
    OptimiserConfig,
    Recipe,
    TrainingConfig,
    parse_recipe,
    read_recipe,
    recipe_toml,
    shipped_recipes,
)
from overtile.errors import ConfigError


def recipe_file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_paper_recipe_has_the_network_of_figure_1() -> None:
    network = read_recipe("paper").network
    assert (network.base_channels, network.depth, network.dimensions) == (64, 4, 2)
    assert not network.batch_norm
    assert network.dropout > 0  # "drop-out layers at the end of the contracting path", Sec. 3.1


def test_the_paper_recipe_weighs_borders_as_sec_3_says() -> None:
    loss = read_recipe("paper").loss
    assert (loss.w0, loss.sigma_px, loss.class_balance) == (10, 5, 1)


def test_the_paper_recipe_follows_gradients_as_sec_3_says() -> None:
    recipe = read_recipe("paper")
    assert (recipe.optimiser.name, recipe.optimiser.momentum) == ("sgd", 0.99)
    assert (recipe.training.batch, recipe.training.tile_output) == (1, 388)


def test_the_paper_recipe_deforms_as_sec_3_1_says() -> None:
    augmentation = read_recipe("paper").augmentation
    assert (augmentation.elastic_grid, augmentation.elastic_sd_px) == (3, 10)
    assert augmentation.rotation_degrees == 180
    assert augmentation.contrast > 0
    assert augmentation.brightness > 0


def test_what_is_not_in_the_paper_is_off_in_its_recipe() -> None:
    augmentation = read_recipe("paper").augmentation
    assert (augmentation.mirror, augmentation.scale, augmentation.gamma) == (False, 1, 1)
    assert augmentation.blur_sd_px == 0
    assert read_recipe("paper").training.average_decay == 0


def test_the_defaults_are_the_paper_but_for_its_ten_hours() -> None:
    ten_hours = {"training": {"minutes": 600.0}}
    assert read_recipe("paper") == Recipe.model_validate(ten_hours)


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_bears_its_own_name(name: str) -> None:
    assert read_recipe(name).name == name


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_is_read_back_equal(tmp_path: Path, name: str) -> None:
    recipe = read_recipe(name)
    assert read_recipe(recipe_file(tmp_path, recipe_toml(recipe))) == recipe


@pytest.mark.parametrize("name", ['"', "\\", "\\u0041", "µ–🔬", "\u200d", "<b>", ""])
def test_odd_characters_survive_a_file(tmp_path: Path, name: str) -> None:
    recipe = Recipe(name=name, class_names=(name, "other"))
    path = tmp_path / "mine.toml"
    path.write_bytes(recipe_toml(recipe).encode())
    assert read_recipe(path) == recipe


@pytest.mark.parametrize(
    "name", ["a\nb", "\t", "\0", "\x7f", "\x85", "\033[2J", "\u2028", "a" * 201]
)
def test_names_fit_on_a_line_and_steer_no_terminal(name: str) -> None:
    for tables in ({"name": name}, {"class_names": ["background", name]}):
        with pytest.raises(ConfigError, match=r"name.*: (must be one line|.* at most 200)"):
            parse_recipe(tables, source="memory")


def lines() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)


def sizes() -> st.SearchStrategy[float]:
    return st.floats(0, exclude_min=True, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        Recipe,
        name=lines(),
        class_names=st.lists(lines(), max_size=4).map(tuple),
        network=st.builds(NetworkConfig, depth=st.integers(1, 6), batch_norm=st.booleans()),
        augmentation=st.builds(AugmentationConfig, elastic_sd_px=sizes(), mirror=st.booleans()),
        optimiser=st.builds(
            OptimiserConfig, name=st.sampled_from(["sgd", "adamw"]), learning_rate=sizes()
        ),
        training=st.builds(
            TrainingConfig,
            minutes=st.none() | sizes(),
            steps=st.none() | st.integers(1, 1 << 60),
        ),
    )
)
def test_any_recipe_is_read_back_equal(recipe: Recipe) -> None:
    assert parse_recipe(tomllib.loads(recipe_toml(recipe)), source="memory") == recipe


def test_a_recipe_that_extends_holds_only_what_differs(tmp_path: Path) -> None:
    text = 'extends = "paper"\nname = "mine"\n[network]\ndepth = 2\n'
    recipe = read_recipe(recipe_file(tmp_path, text))
    paper = read_recipe("paper")
    network = paper.network.model_copy(update={"depth": 2})
    assert recipe == paper.model_copy(update={"name": "mine", "network": network})


@pytest.mark.parametrize("parent", ['"papre"', '"mine.toml"', "3", '["paper"]'])
def test_extending_what_is_not_a_recipe_is_refused(tmp_path: Path, parent: str) -> None:
    path = recipe_file(tmp_path, f"extends = {parent}\n")
    with pytest.raises(ConfigError, match=r"mine\.toml: extends .* extend one of .*paper"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("epochs = 3", "epochs"),
        ("[network]\nwidth = 3", r"network\.width"),
        ("[optimizer]\nname = 'sgd'", "optimizer"),
        ("[training]\n'b c' = 1", r"training\.b c"),
    ],
)
def test_an_unknown_key_is_refused_and_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"mine\.toml: `{key}`: Extra inputs are not permitted"):
        read_recipe(recipe_file(tmp_path, text))


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("network", "base_channels", "0"),
        ("network", "depth", "7"),
        ("network", "depth", "2.5"),
        ("network", "dimensions", "4"),
        ("network", "dropout", "1.0"),
        ("augmentation", "rotation_degrees", "181"),
        ("augmentation", "scale", "0.9"),
        ("augmentation", "elastic_grid", "1"),
        ("augmentation", "exact_share", "1.1"),
        ("loss", "w0", "-1"),
        ("loss", "sigma_px", "0"),
        ("optimiser", "name", '"adam"'),
        ("optimiser", "learning_rate", "0"),
        ("optimiser", "learning_rate", "nan"),
        ("optimiser", "learning_rate", "inf"),
        ("optimiser", "momentum", "1"),
        ("optimiser", "weight_decay", "nan"),
        ("training", "tile_output", "3"),
        ("training", "batch", "0"),
        ("training", "precision", '"fp16"'),
        ("training", "minutes", "-inf"),
        ("training", "steps", "0"),
        ("training", "validation", "1"),
        ("prediction", "threshold", "0"),
        ("prediction", "smallest_object_px", "-1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_key_and_value(
    tmp_path: Path, table: str, key: str, value: str
) -> None:
    shown = value.strip('"')
    with pytest.raises(ConfigError, match=rf"`{table}\.{key}`: .*; got '?{shown}(\.0)?'?; docs/"):
        read_recipe(recipe_file(tmp_path, f"[{table}]\n{key} = {value}\n"))


@pytest.mark.parametrize("text", ["network = 3", "extends = 'paper'\nnetwork = 3"])
def test_a_value_in_place_of_a_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"`network`: .* got 3"):
        read_recipe(recipe_file(tmp_path, text))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_settings_check_themselves_without_a_file(value: float) -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        OptimiserConfig(learning_rate=value)


def test_settings_cannot_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().network.depth = 3


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read \(No such file"):
        read_recipe(tmp_path / "none.toml")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine.toml"
    folder.mkdir()
    with pytest.raises(ConfigError, match=r"mine\.toml: cannot be read \(Is a directory\)"):
        read_recipe(folder)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"there is no recipe 'papre'; use one of .*paper"):
        read_recipe("papre")


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "name: paper",
        "name = 'a'\nname = 'b'",
        "class_names = " + "[" * 5000,
        "[training]\nbatch = " + "9" * 5000,
    ],
    ids=["nothing", "YAML", "twice", "nested too deep", "endless number"],
)
def test_what_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml: is not TOML \(.*mend that line"):
        read_recipe(recipe_file(tmp_path, text))


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        read_recipe(path)


def test_a_value_of_any_size_is_shown_in_short(tmp_path: Path) -> None:
    deep = ".".join("a" * 3000)
    with pytest.raises(ConfigError, match="`a`: Extra inputs") as refusal:
        read_recipe(recipe_file(tmp_path, f"{deep} = 1\n"))
    assert len(refusal.value.remedy) < 200

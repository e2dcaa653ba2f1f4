from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from songmood.config import config_dir
from songmood.errors import ConfigError
from songmood.loading.settings import DataSettings
from songmood.loading.windows import AllWindows, CentreWindow, FreshWindows, RandomWindows


def configured(*overrides: str) -> DataSettings:
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        node = OmegaConf.to_container(compose("train", ["corpus=demo", *overrides]).data, resolve=True)
    assert isinstance(node, dict)
    return instantiate({**node, "_target_": "songmood.loading.settings.DataSettings"}, _convert_="all")


def test_the_shipped_defaults_are_the_ones_that_code_gets() -> None:
    assert configured("data=base") == DataSettings(sampling=CentreWindow())


def test_each_option_draws_windows_its_way() -> None:
    assert configured("data=random", "seed=3").sampling == RandomWindows(per_track=5, seed=3)
    assert configured("data=fresh", "data.sampling.per_track=2").sampling == FreshWindows(per_track=2, seed=0)


def test_whole_tracks_can_be_scored() -> None:
    settings = configured("data=random", "data/windows@data.test_sampling=all", "data.test_sampling.hop=100")
    assert settings.test_sampling == AllWindows(hop=100)
    assert settings.sampling == RandomWindows(per_track=5, seed=0)


def test_short_crops_are_drawn_anew_and_tracks_are_scored_whole() -> None:
    settings = configured("data=crops", "data.window=200", "data.sampling.per_track=3", "seed=2")
    assert settings == DataSettings(
        sampling=FreshWindows(per_track=3, seed=2),
        validation_sampling=AllWindows(hop=200),
        test_sampling=AllWindows(hop=200),
        window=200,
    )
    assert configured("data=crops", "data.tracks_together=true").tracks_together


@pytest.mark.parametrize(
    ("split", "option", "expected"),
    [
        ("sampling", "all", AllWindows(hop=683)),
        ("validation_sampling", "centre", CentreWindow()),
        ("test_sampling", "fresh", FreshWindows(per_track=5, seed=0)),
    ],
)
def test_crops_of_one_split_can_give_way_to_other_windows(split: str, option: str, expected: Any) -> None:
    assert getattr(configured("data=crops", f"data/windows@data.{split}={option}"), split) == expected


def test_validation_windows_can_differ_from_training_windows() -> None:
    settings = configured("data=random", "data/windows@data.validation_sampling=all", "data.validation_sampling.hop=50")
    assert settings.validation_sampling == AllWindows(hop=50)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window", 0),
        ("window", 1366.0),
        ("window", True),
        ("batch_size", 0),
        ("evaluation_batch_size", -1),
        ("evaluation_batch_size", "many"),
        ("num_workers", -1),
        ("num_workers", None),
        ("device_resident", "yes"),
        ("device_resident", 1),
        ("shuffle_targets", None),
        ("tracks_together", 2),
        ("sampling", "random"),
        ("sampling", None),
        ("validation_sampling", "base"),
        ("test_sampling", None),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as error:
        DataSettings(**{"sampling": CentreWindow(), key: value})
    assert str(error.value).startswith(f"data.{key}={value!r}: expected ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["auto", True, False])
def test_spectrograms_live_where_told(value: bool | str) -> None:
    assert DataSettings(sampling=CentreWindow(), device_resident=value).device_resident is value


def test_evaluation_batches_are_as_large_as_pays_on_the_device_unless_told() -> None:
    settings = DataSettings(sampling=CentreWindow())
    assert settings.evaluation_batch("cpu") < settings.evaluation_batch("cuda")
    assert DataSettings(sampling=CentreWindow(), evaluation_batch_size=7).evaluation_batch("cpu") == 7

"""AcousticBrainz documents as rows of numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from songmood.config import config_dir
from songmood.corpora.jamendo.acousticbrainz import (
    FEATURES,
    FeatureSet,
    feature_row,
    merge_rows,
    parse_document,
)
from songmood.errors import ConfigError


def value(document, name):
    return float(feature_row(document, [name])[0])


def test_a_feature_is_the_number_at_its_path():
    document = {"rhythm": {"bpm": 120.5}, "highlevel": {"mood_sad": {"all": {"sad": 0.9}}}}
    row = feature_row(document, ["highlevel.mood_sad.all.sad", "rhythm.bpm", "rhythm.onset_rate"])
    assert row.dtype == np.float32
    assert row[0] == np.float32(0.9)
    assert row[1] == 120.5
    assert np.isnan(row[2])


@pytest.mark.parametrize("wrong", ["120", None, True, [120], {"mean": 1}, float("nan"), float("inf"), 10**400, 1e300])
def test_what_is_no_finite_number_is_absent(wrong):
    assert np.isnan(value({"rhythm": {"bpm": wrong}}, "rhythm.bpm"))


@pytest.mark.parametrize(
    ("key", "degrees"), [("C", 0), ("G", 30), ("D", 60), ("F#", 180), ("Gb", 180), ("Bb", 300), ("F", 330)]
)
def test_a_key_is_a_place_on_the_circle_of_fifths(key, degrees):
    document = {"tonal": {"key_key": key, "key_scale": "minor", "key_strength": 0.5}}
    assert value(document, "tonal.key.cosine") == pytest.approx(math.cos(math.radians(degrees)), abs=1e-6)
    assert value(document, "tonal.key.sine") == pytest.approx(math.sin(math.radians(degrees)), abs=1e-6)
    assert value(document, "tonal.key.is_major") == 0.0
    assert value(document, "tonal.key.strength") == 0.5


def test_newer_extractors_keep_the_key_elsewhere():
    document = {"tonal": {"key_edma": {"key": "A", "scale": "major", "strength": 0.8}}}
    assert value(document, "tonal.key.cosine") == pytest.approx(0.0, abs=1e-6)
    assert value(document, "tonal.key.sine") == pytest.approx(1.0)
    assert value(document, "tonal.key.is_major") == 1.0
    assert value(document, "tonal.key.strength") == pytest.approx(0.8)


@pytest.mark.parametrize("key", ["H", "", None, 3, ["C"]])
def test_a_key_that_is_none_is_absent(key):
    document = {"tonal": {"key_key": key, "key_scale": "major"}}
    assert np.isnan(feature_row(document, [name for name in FEATURES if name.startswith("tonal")])).all()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.sampled_from(["rhythm", "bpm", "tonal", "key_key", "key_edma", "all", "sad"]), children)
    ),
    max_leaves=20,
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["rhythm", "tonal", "highlevel", "lowlevel"]), json_values))
def test_any_document_gives_a_row_of_finite_numbers_or_gaps(document):
    row = feature_row(document, FEATURES)
    assert row.shape == (len(FEATURES),)
    assert not np.isinf(row).any()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused(content):
    try:
        assert isinstance(parse_document(content), dict)
    except ValueError as error:
        assert "JSON" in str(error)  # noqa: PT017


def test_a_document_that_is_nested_too_deeply_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        parse_document(b"[" * 200_000)


def test_the_first_value_that_is_there_counts():
    nan = np.nan
    rows = [np.array(row, np.float32) for row in ([1, nan, nan], [2, 3, nan])]
    assert np.array_equal(merge_rows(rows), np.array([1, 3, nan], np.float32), equal_nan=True)


def sets_of_the_configuration():
    return sorted((config_dir() / "corpus" / "features").glob("*.yaml"))


@pytest.mark.parametrize("path", sets_of_the_configuration(), ids=lambda path: path.stem)
def test_every_feature_set_of_the_configuration_can_be_had_from_a_cache(path):
    node = OmegaConf.to_container(OmegaConf.load(path))
    assert node.pop("_target_") == f"{FeatureSet.__module__}.FeatureSet"
    assert node["name"] == path.stem
    FeatureSet(**node)


def test_the_paper_s_set_is_the_published_columns_and_the_beats_per_minute():
    columns = OmegaConf.load(config_dir() / "corpus" / "features" / "paper.yaml").columns
    assert len(columns) == 23
    assert sum(name.startswith("highlevel.") for name in columns) == 21
    assert {"lowlevel.average_loudness", "rhythm.bpm"} <= set(columns)


def test_the_distribution_s_set_needs_no_highlevel():
    columns = OmegaConf.load(config_dir() / "corpus" / "features" / "distribution.yaml").columns
    assert not any(name.startswith("highlevel.") for name in columns)


def test_a_feature_that_no_cache_holds_is_named():
    with pytest.raises(ConfigError, match=r"rhythm\.bmp.*rhythm\.bpm"):
        FeatureSet("mine", ["rhythm.bmp"])
    with pytest.raises(ConfigError, match="each once"):
        FeatureSet("mine", ["rhythm.bpm", "rhythm.bpm"])

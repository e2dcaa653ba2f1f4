"""The demo's catalogue: attributes carry the tags, artists are kept apart, and numbers that cannot be are refused."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from songmood.corpora.demo.catalogue import Catalogue
from songmood.corpora.demo.moods import TAGS, chances, draw_tags, evidence
from songmood.corpora.demo.styles import STYLES, Artist, Attributes, draw_attributes
from songmood.corpora.demo.theory import is_major
from songmood.errors import ConfigError
from songmood.random_bits import Dice
from songmood.tracks import read_tag_list, target_matrix

ARTIST = Artist("artist_1", ("dance", "rock"), "piano", 0.0, 0.0, 0.0, "no tag")
DEFAULT = Catalogue(240, 48, 0, 36.0)


@pytest.fixture(scope="module")
def pieces() -> list[Attributes]:
    return [piece.attributes for piece in Catalogue(800, 160, 5, 36.0).pieces]


def share(tag: str, seed: int, piece: Attributes, count: int = 150) -> float:
    dice = Dice(seed)
    return sum(f"mood/theme---{tag}" in draw_tags(piece, ARTIST, dice) for _ in range(count)) / count


def typical(style: str) -> Attributes:
    """A piece of a style with nothing borrowed: the middle of each range, the first of each choice."""
    drawn = {
        name: options.split()[0] if isinstance(options, str) else sum(options) / 2
        for name, options in STYLES[style].items()
    }
    return Attributes(**drawn)


def test_tags_are_the_tasks_own(reference: Path) -> None:
    assert set(TAGS) <= set(read_tag_list(reference / "jamendo" / "moodtheme_split.txt"))


def test_there_are_enough_tags_and_they_are_sorted() -> None:
    assert 14 <= len(TAGS) <= 18
    assert list(TAGS) == sorted(set(TAGS))
    assert list(TAGS) == list(evidence(typical("rock")))


def test_the_default_corpus_can_be_scored_on_every_tag() -> None:
    for seed in range(3):
        for tracks in Catalogue(240, 48, seed, 36.0).splits.values():
            positives = target_matrix(tracks, TAGS).sum(axis=0)
            assert positives.min() >= 5
            assert (len(tracks) - positives).min() >= 5


def test_splits_share_no_artist_and_hold_every_track_once() -> None:
    splits = DEFAULT.splits
    artists = [{track.artist_id for track in tracks} for tracks in splits.values()]
    assert sum(map(len, artists)) == len(set().union(*artists)) == 48
    ids = [track.track_id for tracks in splits.values() for track in tracks]
    assert sorted(ids) == sorted(piece.track.track_id for piece in DEFAULT.pieces)
    assert len(set(ids)) == 240
    assert [len(tracks) / 240 for tracks in splits.values()] == pytest.approx([0.6, 0.2, 0.2], abs=0.03)


def test_tracks_look_like_the_data_sets() -> None:
    for piece in DEFAULT.pieces:
        number = int(piece.track.track_id.removeprefix("track_"))
        assert piece.track.path == f"{number % 100:02d}/{number}.mp3"
        assert 30.0 <= piece.track.duration <= 40.0
        assert piece.track.tags
        assert set(piece.track.tags) <= set(TAGS)


def test_pieces_have_several_tags_each() -> None:
    counts = [len(piece.track.tags) for piece in DEFAULT.pieces]
    assert 3.0 <= np.mean(counts) <= 6.0
    assert min(counts) >= 1


def test_equal_numbers_give_equal_catalogues_and_another_seed_another() -> None:
    again = Catalogue(240, 48, 0, 36.0)
    assert again.pieces == DEFAULT.pieces
    assert again.splits == DEFAULT.splits
    assert Catalogue(240, 48, 1, 36.0).pieces != DEFAULT.pieces


def test_no_two_pieces_are_the_same() -> None:
    assert len({piece.attributes for piece in DEFAULT.pieces}) == 240
    assert len({piece.key for piece in DEFAULT.pieces}) == 240


@pytest.mark.parametrize(
    ("style", "tag", "opposite"),
    [
        ("ambient", "soundscape", "dance"),
        ("ambient", "calm", "rock"),
        ("lament", "sad", "sunny"),
        ("lament", "slow", "chip"),
        ("ballad", "romantic", "rock"),
        ("cinematic", "epic", "toys"),
        ("shadow", "dark", "sunny"),
        ("dance", "party", "lament"),
        ("groove", "groovy", "ballad"),
        ("rock", "powerful", "toys"),
        ("rock", "energetic", "ambient"),
        ("chip", "game", "lament"),
        ("chip", "fast", "ballad"),
        ("toys", "children", "shadow"),
        ("sunny", "happy", "shadow"),
        ("sunny", "melodic", "ambient"),
        ("ballad", "relaxing", "rock"),
    ],
)
def test_a_typical_piece_has_its_styles_tag_and_the_opposite_one_has_not(style: str, tag: str, opposite: str) -> None:
    assert share(tag, 1, typical(style)) > 0.75
    assert share(tag, 2, typical(opposite)) < 0.15


def test_a_faster_tempo_makes_fast_likelier_and_slow_less_likely() -> None:
    piece = typical("ballad")
    speeds = [chances(replace(piece, tempo=tempo)) for tempo in (60.0, 90.0, 125.0, 160.0)]
    fast, slow = ([chance[f"mood/theme---{tag}"] for chance in speeds] for tag in ("fast", "slow"))
    assert fast == sorted(fast)
    assert slow == sorted(slow, reverse=True)
    assert fast[0] < 0.01 < 0.99 < fast[-1]


def test_happy_pieces_are_mostly_major_and_sad_ones_mostly_minor(pieces: list[Attributes]) -> None:
    for tag, is_expected_major in (("happy", True), ("sad", False)):
        tagged = [piece for piece in pieces if chances(piece)[f"mood/theme---{tag}"] > 0.5]
        agreeing = sum(is_major(piece.scale) == is_expected_major for piece in tagged)
        assert agreeing > 0.85 * len(tagged)


def test_tags_are_noisy_in_both_directions() -> None:
    piece = typical("lament")
    assert evidence(piece)["mood/theme---slow"] == 1.0
    assert 0.90 < share("slow", 3, piece, 1000) < 0.98
    assert 0.003 < share("fast", 3, piece, 1000) < 0.03


def test_an_artist_forgets_one_tag_more_often() -> None:
    forgetful = replace(ARTIST, forgotten_tag="mood/theme---slow")
    dice = Dice(4)
    count = sum("mood/theme---slow" in draw_tags(typical("lament"), forgetful, dice) for _ in range(500))
    assert 0.6 < count / 500 < 0.8


def test_artists_have_favourites_and_habits() -> None:
    artist = replace(ARTIST, favourite="flute", tuning=12.5, brightness=0.3)
    drawn = [draw_attributes(artist, 36.0, Dice(9, index)) for index in range(400)]
    others = [draw_attributes(ARTIST, 36.0, Dice(9, index)) for index in range(400)]
    assert {piece.tuning for piece in drawn} == {12.5}
    assert Counter(p.lead for p in drawn)["flute"] > Counter(p.lead for p in others)["flute"] + 20
    assert np.mean([p.brightness for p in drawn]) > np.mean([p.brightness for p in others]) + 0.2


def test_attributes_stay_in_their_ranges(pieces: list[Attributes]) -> None:
    for piece in pieces:
        assert 50.0 <= piece.tempo <= 172.0
        assert piece.register in (-1.0, 0.0, 1.0)
        assert -1.0 <= piece.brightness <= 1.0
        assert 0.0 <= piece.reverb <= 1.0
        assert 32.4 <= piece.seconds <= 39.6


def test_attributes_tell_the_tags_of_unknown_artists_but_not_perfectly() -> None:
    catalogue = Catalogue(800, 160, 2, 36.0)
    numbers = {}
    for piece in catalogue.pieces:
        a = piece.attributes
        scores = chances(a)
        numbers[piece.track.track_id] = [scores[tag] for tag in TAGS]
    train, test = catalogue.splits["train"], catalogue.splits["test"]
    x, y = ([numbers[t.track_id] for t in tracks] for tracks in (train, test))
    truth, target = target_matrix(train, TAGS), target_matrix(test, TAGS)
    areas = [
        roc_auc_score(
            target[:, k],
            LogisticRegression().fit(np.array(x)[:, [k]], truth[:, k]).decision_function(np.array(y)[:, [k]]),
        )
        for k in range(len(TAGS))
    ]
    assert 0.90 < np.mean(areas) < 0.985


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ((240, 5, 0, 36.0), "num_artists=5"),
        ((79, 40, 0, 36.0), "num_tracks=79"),
        ((240, 48, -1, 36.0), "seed=-1"),
        ((240, 48, 0, 0.5), "seconds=0.5"),
        ((240, 48, 0, float("nan")), "seconds=nan"),
    ],
)
def test_numbers_of_which_no_corpus_can_be_made_are_refused_by_name(
    numbers: tuple[int, int, int, float], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        Catalogue(*numbers)

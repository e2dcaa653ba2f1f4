from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from songmood.cache.plan import SLACK_FRAMES
from songmood.errors import CorpusError
from toy_corpus import Mel, toy_plan, toy_tracks

PLAN = toy_plan(Path("toys.h5"))


def test_a_slot_holds_the_duration_and_a_third_of_a_second():
    durations = (30.0, 0.01, 3931.0)
    tracks = tuple(replace(track, duration=durations[row]) for row, track in enumerate(toy_tracks(3)))
    slots = toy_plan(Path("x"), tracks=tracks).slots
    assert slots.tolist() == np.cumsum([0, 1407 + SLACK_FRAMES, 1 + SLACK_FRAMES, 184_266 + SLACK_FRAMES]).tolist()


def test_real_pieces_fit_their_slots(reference):
    """The reference's 40-second pieces have 1,876 frames."""
    tracks = (replace(toy_tracks(1)[0], duration=40.0),)
    assert toy_plan(Path("x"), tracks=tracks).slots[1] >= 1876


@pytest.mark.parametrize(
    "change",
    [
        {"tracks": toy_tracks(11)},
        {"tracks": toy_tracks(12)[::-1]},
        {"tags": PLAN.tags[::-1]},
        {"mel": Mel(hop=128)},
        {"feature_names": ("a",)},
        {"source": "else"},
    ],
)
def test_any_change_makes_another_plan(change):
    assert toy_plan(Path("toys.h5"), **change).digest != PLAN.digest


def test_where_the_file_is_does_not_matter():
    assert toy_plan(Path("elsewhere.h5")).digest == PLAN.digest


def test_doubles_and_nothing_are_refused():
    one, two, *_ = toy_tracks(2)
    with pytest.raises(CorpusError, match="track id track_000 belongs to two tracks"):
        toy_plan(Path("x"), tracks=(one, replace(two, track_id=one.track_id)))
    with pytest.raises(CorpusError, match="path 00/0 belongs to two tracks"):
        toy_plan(Path("x"), tracks=(one, replace(two, path="00/0.wav")))
    with pytest.raises(CorpusError, match="a cache of 0 tracks and 3 tags"):
        toy_plan(Path("x"), tracks=())
    with pytest.raises(CorpusError, match="a cache of 2 tracks and 0 tags"):
        toy_plan(Path("x"), tracks=(one, two), tags=())

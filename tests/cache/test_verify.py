import numpy as np
import pytest

from songmood.cache.build import build_cache
from songmood.cache.read import MelCache
from songmood.cache.verify import verify_cache
from songmood.errors import CacheError
from toy_corpus import toy_jobs, toy_plan


@pytest.fixture
def path(tmp_path):
    plan = toy_plan(tmp_path / "toys.h5")
    build_cache(plan, toy_jobs(plan, bad=("07/7",), fault="unreadable"), workers=0)
    return plan.path


def flip(path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def test_an_untouched_cache_is_whole(path):
    assert verify_cache(path) == []


def test_a_flipped_bit_names_the_track(path):
    cache = MelCache.open(path)
    for row in (0, 1, 6, 11):
        flip(path, cache.preamble.mel_offset + int(cache.offset[row] + cache.length[row] - 1) * 192 + 191)
        assert verify_cache(path) == [cache.track_ids[row]]
        flip(path, cache.preamble.mel_offset + int(cache.offset[row] + cache.length[row] - 1) * 192 + 191)


def test_several_damaged_tracks_are_named_in_their_order(path):
    cache = MelCache.open(path)
    for row in (10, 2, 0):
        flip(path, cache.preamble.mel_offset + int(cache.offset[row]) * 192)
    assert verify_cache(path) == ["track_000", "track_002", "track_010"]


def test_every_byte_counts(path):
    cache = MelCache.open(path)
    generator = np.random.default_rng(0)
    for place in generator.integers(0, path.stat().st_size, 60).tolist():
        flip(path, place)
        if place < cache.preamble.mel_offset:
            with pytest.raises(CacheError, match=r"damaged|not a finished mel cache"):
                verify_cache(path)
        else:
            assert len(verify_cache(path)) == 1
        flip(path, place)


def test_damage_in_the_slot_of_a_track_that_was_left_out_is_found(path):
    cache = MelCache.open(path)
    flip(path, cache.preamble.mel_offset + int(cache.offset[7]) * 192)
    assert verify_cache(path) == ["track_007"]


def test_a_cut_cache_is_refused(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5)
    with pytest.raises(CacheError, match="expected"):
        verify_cache(path)

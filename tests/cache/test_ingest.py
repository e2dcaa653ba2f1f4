"""A build puts what jobs deliver into the cache and says what became of the rest."""

import logging
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from songmood.cache.build import Delivery, build_cache
from songmood.cache.verify import verify_cache
from songmood.errors import CorpusError
from toy_corpus import TAGS, Says, built, delivery, toy_jobs, toy_mel, toy_plan


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("undisturbed") / "toys.h5"
    built(path)
    return path.read_bytes()


def test_what_is_delivered_is_in_the_cache(tmp_path):
    report, cache = built(tmp_path / "toys.h5")
    assert (report.written, report.left_out, report.notes) == (12, {}, {"track_003": "odd"})
    for row, track in enumerate(toy_plan(tmp_path / "toys.h5").tracks):
        expected = toy_mel(track.stem).astype(np.float16)
        assert cache.length[row] == len(expected)
        start = cache.offset[row]
        np.testing.assert_array_equal(cache.mel[start : start + len(expected)], expected)
        np.testing.assert_array_equal(cache.features[row], [len(track.stem), np.nan])
        assert {TAGS[column] for column in np.flatnonzero(cache.targets[row])} == set(track.tags)
    assert verify_cache(cache.path) == []


def test_only_the_cache_is_left(tmp_path):
    built(tmp_path / "toys.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["toys.h5"]


def test_long_spectrograms_go_to_the_end_and_all_other_rows_are_zero(tmp_path):
    _, cache = built(tmp_path / "toys.h5")
    slots = toy_plan(tmp_path / "toys.h5").slots
    moved = [row for row in range(12) if cache.offset[row] >= slots[-1]]
    assert moved == [row for row in range(12) if cache.length[row] > slots[row + 1] - slots[row]] == [0, 5, 10]
    used = np.zeros(len(cache.mel), bool)
    for start, length in zip(cache.offset, cache.length, strict=True):
        assert not used[start : start + length].any()
        used[start : start + length] = True
    assert not cache.mel[~used].view(np.uint16).any()


@pytest.mark.parametrize("per_job", [1, 5, 12])
@pytest.mark.parametrize("order", [1, -1])
def test_the_bytes_do_not_tell_in_which_order_tracks_arrived(tmp_path, undisturbed, per_job, order):
    path = tmp_path / "toys.h5"
    built(path, toy_jobs(toy_plan(path), per_job)[::order])
    assert path.read_bytes() == undisturbed


def test_the_bytes_do_not_tell_how_many_workers_there_were(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    built(path, workers=2)
    assert path.read_bytes() == undisturbed


def test_spectrograms_and_features_may_come_from_different_jobs(tmp_path, undisturbed):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path)
    stems = tuple(track.stem for track in plan.tracks)
    jobs = [
        Says(
            *(Delivery(stem, features=delivery(stem).features) for stem in stems), delivers=("features",), stems=stems
        ),
        Says(
            *(Delivery(stem, delivery(stem).mel, note=delivery(stem).note) for stem in stems[::-1]),
            delivers=("mel",),
            stems=stems,
        ),
    ]
    for order in permutations(jobs):
        path.unlink(missing_ok=True)
        built(path, order)
        assert path.read_bytes() == undisturbed


def test_features_that_are_refused_stay_unknown_and_the_track_stays(tmp_path):
    path = tmp_path / "toys.h5"
    jobs = [
        Says(*(Delivery(track.stem, toy_mel(track.stem)) for track in toy_plan(path, 2).tracks), delivers=("mel",)),
        Says(Delivery("00/0", refusal="no highlevel"), delivers=("features",)),
    ]
    report, cache = built(path, jobs, 2)
    assert report.written == 2
    assert report.notes == cache.notes == {"track_000": "no highlevel"}
    assert np.isnan(cache.features).all()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Delivery("01/1", refusal="cut short"), "cut short"),
        (Delivery("01/1"), "no spectrogram"),
        (Delivery("01/1", np.zeros((0, 96), np.float32)), "no frames"),
        (Delivery("01/1", np.zeros((9, 95), np.float32)), "shape (9, 95), expected (frames, 96)"),
        (
            Delivery("01/1", np.full((9, 96), 1e6, np.float32)),
            "a value of 1e+06, expected dB within float16's +-65,504",
        ),
        (Delivery("01/1", np.full((2, 96), np.inf, np.float32)), "192 of 192 values are NaN or infinite, the first in"),
        (None, "no source holds it"),
    ],
)
def test_a_track_that_cannot_be_used_is_left_out_by_name(tmp_path, caplog, fault, reason):
    others = [delivery("00/0"), delivery("02/2")]
    with caplog.at_level(logging.INFO):
        report, cache = built(tmp_path / "toys.h5", [Says(*others, *filter(None, [fault]))], 3)
    assert report.written == 2
    assert set(report.left_out) == {"track_001"}
    assert report.left_out["track_001"].startswith(reason)
    assert cache.left_out == report.left_out
    assert cache.length[1] == 0
    assert f"left out 1 of 3 tracks: track_001 ({reason}" in caplog.text
    with pytest.raises(CorpusError, match=r"strict; without it the track would be left out"):
        built(tmp_path / "strict.h5", [Says(*others, *filter(None, [fault]))], 3, strict=True)
    assert not (tmp_path / "strict.h5").exists()


def test_the_log_names_all_and_the_summary_ten(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        built(tmp_path / "toys.h5", [Says(delivery("00/0"))], 14)
    summary = next(record for record in caplog.records if record.levelno == logging.WARNING).getMessage()
    assert summary.count("no source holds it") == 10
    assert summary.endswith("and 3 more, all in the log")
    assert sum(record.getMessage().startswith("left out track_") for record in caplog.records) == 13


def test_a_strict_build_names_the_first_refusal_in_the_jobs_order(tmp_path):
    for workers in (0, 2):
        path = tmp_path / f"{workers}.h5"
        jobs = toy_jobs(toy_plan(path, 40), 2, bad=("08/8", "03/33", "09/39"), fault="broken")
        with pytest.raises(CorpusError, match=r"^08/8: broken \(strict"):
            built(path, jobs, 40, workers, strict=True)
        with pytest.raises(CorpusError, match=r"^track_008: broken \(strict"):
            built(path, jobs, 40, workers, strict=True)


def test_a_silent_track_is_kept_and_noted(tmp_path):
    silence = Delivery("00/0", np.full((47, 96), -200, np.float32), note="from a tape")
    report, cache = built(tmp_path / "toys.h5", [Says(silence, delivery("01/1"))], 2)
    assert report.notes == cache.notes == {"track_000": "from a tape; silent throughout"}
    assert cache.length[0] == 47


def test_nothing_usable_is_an_error_that_gives_the_first_reason(tmp_path):
    with pytest.raises(CorpusError, match="none of the 2 tracks can be used; the first, track_000: broken"):
        built(tmp_path / "toys.h5", [Says(Delivery("00/0", refusal="broken"))], 2)
    assert not (tmp_path / "toys.h5").exists()


def test_strangers_are_passed_over_and_doubles_are_named(tmp_path, caplog):
    other = Delivery("00/0", toy_mel("01/1"))
    jobs = [
        Says(delivery("99/99"), delivery("00/0"), stems=("00/0", "99/99"), name="first"),
        Says(other, delivery("01/1"), stems=("00/0", "01/1"), name="second"),
        Says(other, stems=("02/2",), name="third"),
    ]
    with caplog.at_level(logging.WARNING):
        report, cache = built(tmp_path / "toys.h5", jobs, 2)
    assert report.written == 2
    np.testing.assert_array_equal(cache.mel[cache.offset[0] :][: cache.length[0]], toy_mel("00/0").astype(np.float16))
    assert "second: 00/0 comes from an earlier source too, which is kept" in caplog.text


def test_a_source_that_holds_a_track_twice_gives_the_first(tmp_path):
    twice = Says(delivery("00/0"), Delivery("00/0", toy_mel("01/1")), Delivery("00/0", refusal="no"), stems=("00/0",))
    report, cache = built(tmp_path / "toys.h5", [twice], 1)
    assert report.left_out == {}
    np.testing.assert_array_equal(cache.mel[cache.offset[0] :][: cache.length[0]], toy_mel("00/0").astype(np.float16))


def test_a_build_that_was_killed_while_its_header_was_copied_goes_on(tmp_path, undisturbed, monkeypatch):
    path = tmp_path / "toys.h5"

    def die(cache: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("songmood.cache.build.apply_commit", die)
        with pytest.raises(KeyboardInterrupt):
            built(path)
    partial = path.with_name("toys.h5.partial")
    half = partial.read_bytes()
    for length in (100, 4096, 50_000):
        partial.write_bytes(undisturbed[:length] + bytes(1000) + half[length + 1000 :] + b"a stray tail")
        with monkeypatch.context() as patch:
            patch.setattr("songmood.cache.build.apply_commit", die)
            with pytest.raises(KeyboardInterrupt):
                built(path, [])
    report, _ = built(path, [])
    assert report.notes == {"track_003": "odd"}
    assert path.read_bytes() == undisturbed
    assert [left.name for left in tmp_path.iterdir()] == ["toys.h5"]


def test_an_unfinished_cache_takes_no_room_for_what_is_not_there_yet(tmp_path):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path, 1000)

    def jobs():
        size = path.with_name("toys.h5.partial").stat()
        assert size.st_size > 20_000_000
        assert size.st_blocks * 512 < 2_000_000
        yield from toy_jobs(plan, 100)

    assert build_cache(plan, jobs(), workers=0).written == 1000


def test_a_long_reason_is_cut_between_characters(tmp_path):
    reason = "ä" * 79 + "日本"  # 164 bytes
    report, cache = built(tmp_path / "toys.h5", [Says(delivery("00/0"), Delivery("01/1", refusal=reason))], 2)
    assert cache.left_out == report.left_out == {"track_001": "ä" * 79}

"""A build puts what jobs deliver into the cache and says what became of the rest."""

import logging

import numpy as np
import pytest

from songmood.cache.build import Delivery, build_cache
from songmood.cache.verify import verify_cache
from songmood.errors import CorpusError
from toy_corpus import TAGS, Says, Waits, built, delivery, toy_jobs, toy_mel, toy_plan


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("undisturbed") / "toys.h5"
    built(path)
    return path.read_bytes()


def test_what_is_delivered_is_in_the_cache(tmp_path):
    report, cache = built(tmp_path / "toys.h5")
    assert (report.written, report.cache.left_out, report.cache.notes) == (12, {}, {"track_003": "odd"})
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
    assert set(report.cache.left_out) == {"track_001"}
    assert report.cache.left_out["track_001"].startswith(reason)
    assert cache.left_out == report.cache.left_out
    assert cache.length[1] == 0
    assert f"left out 1 of 3 tracks, all in the log: track_001 ({reason}" in caplog.text
    with pytest.raises(CorpusError, match=r"strict; without it the track would be left out"):
        built(tmp_path / "strict.h5", [Says(*others, *filter(None, [fault]))], 3, strict=True)
    assert not (tmp_path / "strict.h5").exists()


def test_the_log_names_all_and_the_summary_ten(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        built(tmp_path / "toys.h5", [Says(delivery("00/0"))], 14)
    summary = next(record for record in caplog.records if record.levelno == logging.WARNING).getMessage()
    assert summary.count("no source holds it") == 10
    assert summary.startswith("left out 13 of 14 tracks, all in the log: ")
    assert summary.endswith(" and 3 more")
    assert sum(record.getMessage().startswith("left out track_") for record in caplog.records) == 13


@pytest.mark.parametrize("workers", [0, 2])
def test_a_strict_build_names_the_first_refusal_in_the_jobs_order(tmp_path, workers):
    path = tmp_path / "toys.h5"
    jobs = toy_jobs(toy_plan(path, 40), 2, bad=("08/8", "03/33", "09/39"), fault="broken")
    for _ in range(2):
        with pytest.raises(CorpusError, match=r"^08/8: broken \(strict"):
            built(path, jobs, 40, workers, strict=True)


def test_of_two_refusals_the_earlier_jobs_is_named_though_it_comes_later(tmp_path):
    """The first of two workers gets to its refusal when the second has long been refused."""
    path = tmp_path / "toys.h5"
    jobs = toy_jobs(toy_plan(path, 12), 6, bad=("05/5", "06/6"), fault="broken")
    with pytest.raises(CorpusError, match=r"^05/5: broken"):
        built(
            path,
            [Waits(jobs[0], tmp_path / "refused"), Waits(jobs[1], None, tmp_path / "refused")],
            strict=True,
            workers=2,
        )


def test_a_strict_build_goes_on_from_a_lax_one_only_where_nothing_was_left_out(tmp_path):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path)

    def interrupted():
        yield toy_jobs(plan, bad=("01/1", "02/2"), fault="broken")[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_cache(plan, interrupted(), workers=0)
    with pytest.raises(CorpusError, match=r"^track_001: broken \(strict"):
        build_cache(plan, iter(()), workers=0, strict=True)


def test_a_silent_track_is_kept_and_noted(tmp_path):
    silence = Delivery("00/0", np.full((47, 96), -200, np.float32), note="from a tape")
    report, cache = built(tmp_path / "toys.h5", [Says(silence, delivery("01/1"))], 2)
    assert report.cache.notes == cache.notes == {"track_000": "from a tape; silent throughout"}
    assert cache.length[0] == 47


def test_nothing_usable_is_an_error_that_gives_the_first_reason(tmp_path):
    with pytest.raises(CorpusError, match="none of the 2 tracks can be used; the first, track_000: broken"):
        built(tmp_path / "toys.h5", [Says(Delivery("00/0", refusal="broken"))], 2)
    assert not (tmp_path / "toys.h5").exists()


def test_what_nobody_asked_for_is_passed_over_and_what_was_not_announced_is_named(tmp_path, caplog):
    jobs = [
        Says(delivery("99/99"), delivery("00/0"), name="first"),
        Says(Delivery("00/0", toy_mel("01/1")), delivery("01/1"), stems=("01/1",), name="second"),
    ]
    with caplog.at_level(logging.WARNING):
        report, cache = built(tmp_path / "toys.h5", jobs, 2)
    assert report.written == 2
    assert report.strays == ("00/0 in second: was not announced",)
    np.testing.assert_array_equal(cache.mel[cache.offset[0] :][: cache.length[0]], toy_mel("00/0").astype(np.float16))
    assert "ignored 1 things in the sources, all in the log: 00/0 in second: was not announced" in caplog.text


def test_two_jobs_that_announce_the_same_track_are_refused_by_name(tmp_path):
    jobs = [Says(delivery("00/0"), name="first"), Says(delivery("01/1"), delivery("00/0"), name="second")]
    with pytest.raises(CorpusError, match=r"00/0 is announced by first and by second"):
        built(tmp_path / "toys.h5", jobs, 2)


def test_a_source_that_holds_a_track_twice_gives_the_first(tmp_path):
    twice = Says(delivery("00/0"), Delivery("00/0", toy_mel("01/1")), Delivery("00/0", refusal="no"), stems=("00/0",))
    report, cache = built(tmp_path / "toys.h5", [twice], 1)
    assert report.cache.left_out == {}
    assert report.strays == ("00/0 in says: a second time; the first was taken",) * 2
    np.testing.assert_array_equal(cache.mel[cache.offset[0] :][: cache.length[0]], toy_mel("00/0").astype(np.float16))


def test_what_a_source_holds_besides_is_told_at_the_end_whichever_build_saw_it(tmp_path):
    path = tmp_path / "toys.h5"

    def interrupted():
        yield Says("evil in a.tar", delivery("00/0"), stems=("00/0",))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(path, interrupted(), 2)
    report, _ = built(path, [Says(delivery("01/1"), "worse in b.tar", stems=("01/1",))], 2)
    assert report.strays == ("evil in a.tar", "worse in b.tar")


def test_a_finished_cache_of_the_same_plan_is_taken_as_it_is(tmp_path):
    path = tmp_path / "toys.h5"
    built(path, toy_jobs(toy_plan(path), bad=("07/7",), fault="broken"))
    before = path.stat()
    report, _ = built(path, [Says(delivery("07/7"))])
    assert (report.written, report.cache.left_out) == (11, {"track_007": "broken"})
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    with pytest.raises(CorpusError, match=r"track_007: broken \(strict"):
        built(path, [], strict=True)


def test_an_unfinished_cache_takes_no_room_for_what_is_not_there_yet(tmp_path):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path, 300)

    def jobs():
        size = path.with_name("toys.h5.partial").stat()
        assert size.st_size > 6_000_000
        assert size.st_blocks * 512 < 600_000
        yield from toy_jobs(plan, 50)

    assert build_cache(plan, jobs(), workers=0).written == 300


def test_a_long_reason_is_cut_between_characters(tmp_path):
    reason = "ä" * 79 + "日本"  # 164 bytes
    report, cache = built(tmp_path / "toys.h5", [Says(delivery("00/0"), Delivery("01/1", refusal=reason))], 2)
    assert cache.left_out == report.cache.left_out == {"track_001": "ä" * 79}

import multiprocessing
import os
import pickle
import zlib

import h5py
import numpy as np
import pytest

from songmood.audio.parameters import MelParameters
from songmood.cache.build import build_cache
from songmood.cache.header import PAGE
from songmood.cache.read import MelCache
from songmood.errors import CacheError
from toy_corpus import Mel, toy_jobs, toy_mel, toy_plan


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("cache") / "toys.h5"
    plan = toy_plan(path)
    build_cache(plan, toy_jobs(plan, bad=("07/7",), fault="unreadable"), workers=0)
    return path


@pytest.fixture
def copy(whole, tmp_path):
    path = tmp_path / "copy.h5"
    path.write_bytes(whole.read_bytes())
    return path


def flip(path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 4]))


def first_frame(cache: MelCache, row: int) -> list[float]:
    return cache.mel[cache.offset[row]].tolist()


def in_another_process(cache: MelCache, row: int, start: str) -> list[float]:
    with multiprocessing.get_context(start).Pool(1) as pool:
        return pool.apply(first_frame, (cache, row))


def test_plain_h5py_finds_what_the_design_promises(whole):
    with h5py.File(whole) as file:
        mel = file["mel"]
        assert (mel.dtype, mel.chunks, mel.compression, mel.shape[1]) == (np.float16, None, None, 96)
        offset = mel.id.get_offset()
        mapped = np.memmap(whole, np.float16, "r", offset, mel.shape)
        start, length = file["offset"][2], file["length"][2]
        np.testing.assert_array_equal(mapped[start : start + length], mel[start : start + length])
        np.testing.assert_array_equal(mapped[start : start + length], toy_mel("02/2").astype(np.float16))
        assert file["checksum"][2] == zlib.crc32(mapped[start : start + length].tobytes())
        assert file["track_id"][2] == b"track_002"
        assert file["path"][2] == b"02/2.mp3"
        assert file["tags"].dtype == np.uint8
        assert file["features"].dtype == np.float32
        names = {"schema", "mel_parameters", "tag_names", "feature_names", "source", "fingerprint"}
        assert set(file.attrs) == names
        assert file.attrs["schema"] == 1


def test_rows_follow_the_ids_that_are_asked_for(whole):
    cache = MelCache.open(whole)
    assert cache.rows(["track_011", "track_000"]).tolist() == [11, 0]
    assert cache.rows([]).tolist() == []
    with pytest.raises(CacheError, match=r"2 of 3 tracks are not in .*toys\.h5, the first is track_x"):
        cache.rows(["track_000", "track_x", "track_y"])


def test_left_out_tracks_have_no_frames_and_a_reason(whole):
    cache = MelCache.open(whole)
    assert cache.left_out == {"track_007": "unreadable"}
    assert cache.notes == {"track_003": "odd"}
    assert np.flatnonzero(cache.length == 0).tolist() == [7]


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_other_processes_map_the_same_rows(whole, start):
    cache = MelCache.open(whole)
    assert (
        in_another_process(cache, 1, start) == first_frame(cache, 1) == toy_mel("01/1")[0].astype(np.float16).tolist()
    )


def test_a_pickle_holds_no_spectrogram_and_notices_a_replaced_file(copy, tmp_path):
    cache = MelCache.open(copy)
    assert cache.mel.shape[1] == 96
    pickled = pickle.dumps(cache)
    assert len(pickled) < cache.mel.nbytes / 10
    assert pickle.loads(pickled).fingerprint == cache.fingerprint
    plan = toy_plan(copy, source="other")
    build_cache(plan, toy_jobs(plan), workers=0)
    with pytest.raises(CacheError, match="was replaced by another cache while it was in use"):
        pickle.loads(pickled)


def test_the_spectrograms_cannot_be_written_to(whole):
    with pytest.raises(ValueError, match="read-only"):
        MelCache.open(whole).mel[0, 0] = 1


def test_a_missing_cache_names_three_ways_on(tmp_path):
    with pytest.raises(CacheError) as error:
        MelCache.open(tmp_path / "absent.h5")
    message = str(error.value)
    assert message.startswith(f"no mel cache at {tmp_path}/absent.h5.")
    for way in ("`make data`", "`corpus=demo`", "`corpus=folder corpus.root=DIR`"):
        assert way in message


def test_other_mel_parameters_are_refused_by_name(whole):
    assert MelCache.open(whole, MelParameters()).mel_parameters == MelParameters()
    with pytest.raises(CacheError, match=r"made with hop=256 \(not 512\), floor_db=-200\.0 \(not -90\.0\); delete it"):
        MelCache.open(whole, Mel(hop=512, floor_db=-90.0))


@pytest.mark.parametrize("change", [-1, -192, -100_000, 1])
def test_another_size_is_refused(copy, change):
    size = copy.stat().st_size
    os.truncate(copy, size + change)
    with pytest.raises(CacheError, match=rf"has {size + change:,} bytes, expected {size:,}"):
        MelCache.open(copy)


@pytest.mark.parametrize("content", [b"", b"x", b"\x89HDF\r\n\x1a\n" + bytes(5000), bytes(PAGE), b"{}" + bytes(PAGE)])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "other.h5"
    path.write_bytes(content)
    with pytest.raises(CacheError, match="is not a finished mel cache, or its first page is damaged"):
        MelCache.open(path)


def test_another_schema_is_refused(copy):
    page = copy.read_bytes()
    copy.write_bytes(page.replace(b'"schema": 1', b'"schema": 2', 1))
    with pytest.raises(CacheError, match="has schema 2, expected 1; delete it and build it again"):
        MelCache.open(copy)


def test_an_unfinished_file_is_refused_even_under_the_final_name(tmp_path):
    path = tmp_path / "toys.h5"
    plan = toy_plan(path)

    def interrupted():
        yield from toy_jobs(plan)[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_cache(plan, interrupted(), workers=0)
    with pytest.raises(CacheError, match=r"is not finished \(toys\.h5\.partial\): start the same build again"):
        MelCache.open(path)
    (tmp_path / "toys.h5.partial").rename(path)
    with pytest.raises(CacheError, match="is not a finished mel cache"):
        MelCache.open(path)


def test_a_flipped_bit_anywhere_before_the_spectrograms_is_refused(copy):
    cache = MelCache.open(copy)
    generator = np.random.default_rng(0)
    places = [*range(0, PAGE, 61), *generator.integers(PAGE, cache.preamble.mel_offset, 100).tolist()]
    for place in places:
        flip(copy, place)
        with pytest.raises(CacheError):
            MelCache.open(copy)
        flip(copy, place)
    MelCache.open(copy)


def test_the_fingerprint_is_the_contents(whole, tmp_path):
    def fingerprint(name: str, fault: str = "unreadable", **changes) -> str:
        plan = toy_plan(tmp_path / name, **changes)
        build_cache(plan, toy_jobs(plan, bad=("07/7",), fault=fault), workers=0)
        return MelCache.open(plan.path).fingerprint

    same = MelCache.open(whole).fingerprint
    assert len(same) == 64
    assert fingerprint("a.h5", source="from elsewhere") == same
    others = {
        fingerprint("b.h5", mel=Mel(floor_db=-190.0)),
        fingerprint("c.h5", tags=toy_plan(whole).tags[::-1]),
        fingerprint("d.h5", feature_names=("a", "c")),
        fingerprint("e.h5", tracks=toy_plan(whole).tracks[:11]),
    }
    assert len(others | {same}) == 5

"""Archives as jobs: every track that should be there is accounted for, by its spectrogram or by a reason."""

import io
import pickle
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jamendo_tars import make_tracks, mel_of, npy, tar_bytes
from songmood.cache.plan import Delivery
from songmood.corpora.jamendo.archives import MelTar, folder_of, largest_npy
from songmood.errors import CorpusError

TRACKS = make_tracks(3, num_folders=1)
STEMS = tuple(track.stem for track in TRACKS)
MELS = {stem: mel_of(i, 180 + i) for i, stem in enumerate(STEMS)}
FILES = [(f"{stem}.npy", npy(mel)) for stem, mel in MELS.items()]


def mel_tar(tmp_path, members, **options):
    path = tmp_path / "autotagging_moodtheme_melspecs-00.tar"
    path.write_bytes(members if isinstance(members, bytes) else tar_bytes(members))
    return MelTar(path, TRACKS, **options)


def outcome(job):
    """stem -> the spectrogram, or the reason why there is none."""
    deliveries = [item for item in job.run() if isinstance(item, Delivery)]
    assert sorted(delivery.stem for delivery in deliveries) == sorted(STEMS)  # each once, none besides
    return {delivery.stem: delivery.mel if delivery.refusal is None else delivery.refusal for delivery in deliveries}


def strays(job):
    return [item for item in job.run() if isinstance(item, str)]


def test_every_spectrogram_is_delivered_time_major(tmp_path):
    job = mel_tar(tmp_path, FILES)
    read = outcome(job)
    for stem, mel in MELS.items():
        assert np.array_equal(read[stem], mel.T)
    assert strays(job) == []


def test_files_in_c_order_are_taken_too(tmp_path):
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(MELS[STEMS[0]]))
    read = outcome(mel_tar(tmp_path, [(FILES[0][0], file.getvalue()), *FILES[1:]]))
    assert np.array_equal(read[STEMS[0]], MELS[STEMS[0]].T)


def test_a_job_travels_to_another_process(tmp_path):
    job = pickle.loads(pickle.dumps(mel_tar(tmp_path, FILES)))
    assert job.stems == STEMS
    assert job.name == "autotagging_moodtheme_melspecs-00.tar"
    assert set(outcome(job)) == set(STEMS)


def test_a_track_that_is_not_in_the_tar_is_missed_by_name(tmp_path):
    assert outcome(mel_tar(tmp_path, FILES[:2]))[STEMS[2]] == "not in autotagging_moodtheme_melspecs-00.tar"


def test_what_a_truncated_tar_lacks_says_so_and_the_rest_is_taken(tmp_path):
    read = outcome(mel_tar(tmp_path, tar_bytes(FILES)[: 512 + 512 + len(FILES[0][1]) + 20_000]))
    assert np.array_equal(read[STEMS[0]], MELS[STEMS[0]].T)
    assert all("ends at byte" in read[stem] for stem in STEMS[1:])


def bad_npys():
    mel = MELS[STEMS[0]]
    spoiled = mel.copy()
    spoiled[3, 7] = np.nan
    endless = mel.copy()
    endless[0, 0] = np.inf
    saved = {}
    for name, array in {
        "float64": mel.astype("<f8"),
        "big-endian": mel.astype(">f4"),
        "shape": mel[:95],
        "no frames": mel[:, :0],
        "nan": spoiled,
        "infinity": endless,
        "pickle": np.array([{"a": 1}], dtype=object),
    }.items():
        file = io.BytesIO()
        np.save(file, np.asfortranarray(array))
        saved[name] = file.getvalue()
    return saved | {"cut": npy(mel)[:-4], "empty": b"", "bare pickle": pickle.dumps(mel), "longer": npy(mel) + b"x"}


@pytest.mark.parametrize("kind", bad_npys())
def test_a_bad_spectrogram_is_refused_and_the_others_are_taken(tmp_path, kind):
    read = outcome(mel_tar(tmp_path, [(FILES[0][0], bad_npys()[kind]), *FILES[1:]]))
    assert isinstance(read[STEMS[0]], str)
    assert "autotagging_moodtheme_melspecs-00.tar" in read[STEMS[0]]
    assert all(np.array_equal(read[stem], MELS[stem].T) for stem in STEMS[1:])


def test_a_link_in_the_place_of_a_track_is_refused(tmp_path):
    link = tarfile.TarInfo(FILES[0][0])
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    read = outcome(mel_tar(tmp_path, [link, *FILES[1:]]))
    assert "a symbolic link" in read[STEMS[0]]


def test_a_member_that_is_larger_than_its_track_can_be_is_not_read(tmp_path):
    limit = largest_npy(TRACKS[0].duration)
    read = outcome(mel_tar(tmp_path, [(FILES[0][0], bytes(limit + 1)), *FILES[1:]]))
    assert f"expected at most {limit:,}" in read[STEMS[0]]
    assert np.array_equal(read[STEMS[1]], MELS[STEMS[1]].T)


def test_the_limit_leaves_room_for_durations_that_are_wrong_by_half():
    assert largest_npy(200.0) > 384 * 46.875 * 300.0
    assert largest_npy(3_931.0) < 150_000_000


def test_what_does_not_belong_there_is_named_and_nothing_is_written(tmp_path):
    device = tarfile.TarInfo("00/null")
    device.type = tarfile.CHRTYPE
    hostile = [("../../evil.npy", b"x"), ("/etc/evil", b"x"), ("00/9999.npy", b"x"), ("01/1.npy", b"x"), device]
    folder = tmp_path / "inside"
    folder.mkdir()
    job = mel_tar(folder, [*hostile, *FILES, FILES[0]])
    read = outcome(job)
    assert all(np.array_equal(read[stem], MELS[stem].T) for stem in STEMS)
    named = strays(job)
    assert len(named) == 6
    assert "../../evil.npy in autotagging_moodtheme_melspecs-00.tar: a path that leads out" in named[0]
    assert "/etc/evil" in named[1]
    assert "00/9999.npy" in named[2]
    assert "a device" in named[4]
    assert "a second time" in named[5]
    assert sorted(path.name for path in folder.iterdir()) == ["autotagging_moodtheme_melspecs-00.tar"]
    assert list(tmp_path.iterdir()) == [folder]


def test_of_two_files_for_a_track_the_first_counts(tmp_path):
    read = outcome(mel_tar(tmp_path, [*FILES, (FILES[0][0], FILES[1][1])]))
    assert np.array_equal(read[STEMS[0]], MELS[STEMS[0]].T)


def test_strict_stops_at_the_first_file_that_does_not_belong_there(tmp_path):
    job = mel_tar(tmp_path, [("../evil.npy", b"x"), *FILES], strict=True)
    with pytest.raises(CorpusError, match=r"\.\./evil\.npy .*strict"):
        list(job.run())


@settings(max_examples=150)
@given(changes=st.lists(st.tuples(st.integers(0, 220_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_mutated_archives_give_each_track_a_finite_spectrogram_or_a_reason(tmp_path_factory, changes):
    data = bytearray(tar_bytes(FILES))
    for position, value in changes:
        data[position % len(data)] = value
    for content in outcome(mel_tar(tmp_path_factory.mktemp("tar"), bytes(data))).values():
        assert isinstance(content, str) or (content.shape[1] == 96 and np.isfinite(content).all())


def test_an_archive_says_which_folder_it_holds():
    assert folder_of("autotagging_moodtheme_melspecs-07.tar") == "07"
    assert folder_of("raw_30s_acousticbrainz-99.tar.gz") == "99"
    with pytest.raises(CorpusError, match=r"-00\.tar to -99\.tar"):
        folder_of("something.tar")

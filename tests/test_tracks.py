import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.errors import CorpusError
from songmood.tracks import Track, parse_row, read_tag_list, read_tracks, tags_of, target_matrix, write_tracks

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
GOOD = "track_1\tartist_1\talbum_1\t24/1.mp3\t40.0\tmood/theme---happy\tmood/theme---epic"


def table(folder: Path, *rows: str, header: str = HEADER, end: str = "\n") -> Path:
    path = folder / "tracks.tsv"
    path.write_bytes(end.join([header, *rows, ""]).encode())
    return path


def test_each_tag_is_a_column_under_one_header(tmp_path):
    (track,) = read_tracks(table(tmp_path, GOOD))
    assert track == Track(
        "track_1", "artist_1", "album_1", "24/1.mp3", 40.0, ("mood/theme---happy", "mood/theme---epic")
    )
    assert track.stem == "24/1"


def test_windows_line_ends_marks_and_trailing_tabs_change_nothing(tmp_path):
    plain = read_tracks(table(tmp_path, GOOD))
    assert read_tracks(table(tmp_path, GOOD, end="\r\n")) == plain
    assert read_tracks(table(tmp_path, GOOD + "\t\t", "", header="\ufeff" + HEADER + "\t\t")) == plain


def test_a_track_may_have_no_tags(tmp_path):
    (track,) = read_tracks(table(tmp_path, "a\tb\tc\t1/2.mp3\t3.5\t"))
    assert track.tags == ()


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("track_2\tartist_1\talbum_1\t24/2.mp3\t40.0", "5 tab-separated columns"),
        ("", "1 tab-separated columns"),
        ("\tartist\talbum\t24/2.mp3\t40.0\thappy", "empty TRACK_ID"),
        ("track_1\tartist\talbum\t24/2.mp3\t40.0\thappy", "track id track_1 is already on line 2"),
        ("track_2\tartist\talbum\t24/1.ogg\t40.0\thappy", "path 24/1 is already on line 2"),
        ("track_2\tartist\talbum\t/etc/passwd\t40.0\thappy", "path '/etc/passwd'"),
        ("track_2\tartist\talbum\t../2.mp3\t40.0\thappy", "path '../2.mp3'"),
        ("track_2\tartist\talbum\t24/../../2.mp3\t40.0\thappy", "path '24/../../2.mp3'"),
        ("track_2\tartist\talbum\tC:\\2.mp3\t40.0\thappy", "path 'C:"),
        ("track_2\tartist\talbum\t24//2.mp3\t40.0\thappy", "path '24//2.mp3'"),
        ("track_2\tartist\talbum\t24/2\0.mp3\t40.0\thappy", "cannot be printed"),
        ("track_2\tartist\talbum\t24/2.mp3\tforty\thappy", "duration 'forty'"),
        ("track_2\tartist\talbum\t24/2.mp3\t-1\thappy", "duration '-1'"),
        ("track_2\tartist\talbum\t24/2.mp3\t0\thappy", "duration '0'"),
        ("track_2\tartist\talbum\t24/2.mp3\tnan\thappy", "duration 'nan'"),
        ("track_2\tartist\talbum\t24/2.mp3\tinf\thappy", "duration 'inf'"),
        ("track_2\tartist\talbum\t24/2.mp3\t40.0\thappy\thappy", "'happy' is there twice"),
        ("track_2\tartist\talbum\t24/2.mp3\t40.0\t\thappy", "empty tag"),
    ],
)
def test_a_malformed_row_is_named_with_file_and_line(tmp_path, row, complaint):
    path = table(tmp_path, GOOD, row, GOOD.replace("_1", "_9").replace("24/1", "24/9"))
    with pytest.raises(CorpusError) as error:
        read_tracks(path)
    assert str(error.value).startswith(f"{path}:3: ")
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", ":1: an empty file"),
        (b"\n\n", ":1: an empty file"),
        (HEADER.encode() + b"\n", ":1: a header and no tracks"),
        (b"TRACK_ID,ARTIST_ID\n", ":1: header 'TRACK_ID,ARTIST_ID'"),
        (GOOD.encode(), ":1: header"),
        (HEADER.encode() + b"\n" + GOOD.encode() + b"\ncaf\xe9", ":3: byte 0xe9 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, complaint):
    path = tmp_path / "tracks.tsv"
    path.write_bytes(content)
    with pytest.raises(CorpusError) as error:
        read_tracks(path)
    assert f"{path}{complaint}" in str(error.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"cannot read .*absent\.tsv: No such file"):
        read_tracks(tmp_path / "absent.tsv")
    with pytest.raises(CorpusError, match="Is a directory"):
        read_tracks(tmp_path)


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters='/\\:.\x7f\xad"'), min_size=1)
NAMES = NAMES.filter(lambda name: name.isprintable() and name.strip() == name)


@given(st.dictionaries(NAMES, st.tuples(st.floats(0.01, 86_400), st.lists(NAMES, unique=True, max_size=4)), min_size=1))
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "round_trip.tsv"
    tracks = tuple(
        Track(name, "a", "b", f"00/{name}.mp3", seconds, tuple(tags)) for name, (seconds, tags) in rows.items()
    )
    write_tracks(path, tracks)
    assert read_tracks(path) == tracks


@given(st.text())
def test_any_line_is_a_track_or_a_reason(line):
    try:
        track = parse_row(line)
    except ValueError:
        return
    assert not track.path.startswith("/")
    assert ".." not in track.path.split("/")


def test_tracks_travel_to_other_processes():
    track = parse_row(GOOD)
    assert pickle.loads(pickle.dumps(track)) == track


def test_targets_have_a_one_where_a_track_has_the_tag():
    tracks = [Track("1", "", "", "1", 1.0, ("b",)), Track("2", "", "", "2", 1.0, ("c", "a"))]
    assert tags_of(tracks) == ("a", "b", "c")
    assert target_matrix(tracks, ("c", "b", "a")).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_a_tag_that_is_not_listed_is_named():
    with pytest.raises(CorpusError, match="track 1 has the tag 'sad', which is not among the 1"):
        target_matrix([Track("1", "", "", "1", 1.0, ("sad",))], ("happy",))


def test_a_tag_list_keeps_its_order_and_refuses_doubles(tmp_path):
    path = tmp_path / "tags.txt"
    path.write_text("b\na\r\n\n")
    assert read_tag_list(path) == ("b", "a")
    path.write_text("b\na\nb\n")
    with pytest.raises(CorpusError, match=r"tags\.txt:3: 'b'"):
        read_tag_list(path)


def test_split_0_is_the_organisers(reference):
    splits = {
        split: read_tracks(reference / "jamendo" / f"autotagging_moodtheme-{split}.tsv")
        for split in ("train", "validation", "test")
    }
    assert {split: len(tracks) for split, tracks in splits.items()} == {"train": 9949, "validation": 3802, "test": 4231}
    tags = read_tag_list(reference / "jamendo" / "moodtheme_split.txt")
    assert len(tags) == 56
    assert tags_of([track for tracks in splits.values() for track in tracks]) == tags
    truth = np.load(reference / "jamendo" / "groundtruth.npy")
    np.testing.assert_array_equal(target_matrix(splits["test"], tags), truth)

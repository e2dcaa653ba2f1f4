"""What a run leaves: one schema in every format, filters, playlists, labels, embeddings; nothing out of date."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from songmood.errors import ConfigError, TaggingError
from songmood.tagging.batch import tables
from songmood.tagging.batch.outputs import FORMATS, Outputs
from songmood.tagging.batch.result import About, Failed, Result
from songmood.tagging.batch.selection import Selection
from songmood.tagging.tags import Tags, Timeline

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install 'songmood[parquet]'")

NAMES = ("calm", "epic/film", "sad")
START = np.array([0.0, 1.0, 2.0, 3.0])


def track(path: str, *scores: float) -> Tags:
    values, line = np.array(scores), np.array([scores, [0, 0, 0], scores, scores], np.float32)
    return Tags(
        path, 5.0, "m", "f00d", NAMES, values, values * 100, values >= 0.5,
        Timeline(START, START + 2, line), np.array(scores[:2], np.float32),
    )  # fmt: skip


class Results:
    about = About("m", "f00d", NAMES, (0.5, 0.5, None), with_timeline=True, with_embeddings=True)

    def __init__(self, *results: Result) -> None:
        self._results = results
        self.state = repr(results)
        self.paths = [str(result.source) for result in results]

    def results(self) -> Iterator[Result]:
        return iter(self._results)

    def failed(self) -> list[Failed]:
        return [result for result in self._results if isinstance(result, Failed)]


RESULTS = Results(
    track("/m/b\n1.ogg", 0.75, 0.5, 0.25), Failed("/m/bad.ogg", "cut short"), track("/m/ü\udcff.ogg", 1.0, 0.0, 0.1)
)


def write(folder: Path, *formats: str, results: Results = RESULTS, **options: object) -> list[Path]:
    return Outputs(folder, formats, Selection(), **options).write(results)  # type: ignore[arg-type]


def test_csv_jsonl_and_parquet_say_the_same(tmp_path: Path) -> None:
    write(tmp_path, "csv", "jsonl", "parquet")
    with (tmp_path / "tags.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == tables.COLUMNS
    assert [(row["path"], row["tag"], row["score"], row["percentile"], row["decided"]) for row in rows] == [
        ("/m/b\n1.ogg", "calm", "0.75", "75", "true"),
        ("/m/b\n1.ogg", "epic/film", "0.5", "50", "true"),
        ("/m/b\n1.ogg", "sad", "0.25", "25", "false"),
        ("/m/ü\\xff.ogg", "calm", "1", "100", "true"),
        ("/m/ü\\xff.ogg", "sad", "0.1", "10", "false"),
        ("/m/ü\\xff.ogg", "epic/film", "0", "0", "false"),
    ]
    table = parquet.read_table(tmp_path / "tags.parquet").to_pylist()
    assert [
        (r["path"], r["tag"], f"{r['score']:.6g}", f"{r['percentile']:.6g}", str(r["decided"]).lower()) for r in table
    ] == [(row["path"], row["tag"], row["score"], row["percentile"], row["decided"]) for row in rows]
    lines = [json.loads(line) for line in (tmp_path / "tags.jsonl").read_text(encoding="utf-8").splitlines()]
    told = [(line["path"], row["tag"], row["score"], row["decided"]) for line in lines for row in line["tags"]]
    assert told == [(row["path"], row["tag"], float(row["score"]), row["decided"] == "true") for row in rows]
    assert {row["fingerprint"] for row in (*rows, *table, *lines)} == {"f00d"}


def test_the_timeline_has_rows_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "csv", "parquet")
    with (tmp_path / "timeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 4 * 3
    assert (rows[0]["start"], rows[0]["end"], rows[0]["tag"], rows[0]["score"]) == ("0", "2", "calm", "0.75")
    assert parquet.read_table(tmp_path / "timeline.parquet").num_rows == len(rows)


def test_a_line_of_json_has_its_timeline_in_the_order_of_its_tags() -> None:
    line = json.loads(tables.json_line(track("a", 0.25, 0.75, 0.5), Selection(top=2)))
    assert [row["tag"] for row in line["tags"]] == ["epic/film", "sad"]
    assert line["timeline"]["scores"] == [[0.75, 0.5], [0, 0], [0.75, 0.5], [0.75, 0.5]]


def test_filters_add_up(tmp_path: Path) -> None:
    tags = track("a", 0.75, 0.5, 0.25)
    assert [row.tag for row in Selection(top=2).of(tags)] == ["calm", "epic/film"]
    assert [row.tag for row in Selection(min_percentile=50).of(tags)] == ["calm", "epic/film"]
    assert [row.tag for row in Selection(decided=True, min_percentile=60).of(tags)] == ["calm"]
    assert [row.tag for row in Selection(top=1, decided=True).of(tags)] == ["calm"]
    unfitted = Tags("a", 5.0, "m", "f", NAMES, np.zeros(3), None, None)
    for selection, says in (
        (Selection(min_percentile=1), "no percentiles"),
        (Selection(decided=True), "decides nothing"),
    ):
        with pytest.raises(ConfigError, match=says):
            selection.of(unfitted)


def test_what_a_model_cannot_tell_is_empty(tmp_path: Path) -> None:
    write(tmp_path, "csv", "parquet", results=Results(Tags("a", 5.0, "m", "f", NAMES, np.ones(3), None, None)))
    assert (tmp_path / "tags.csv").read_text().splitlines()[1] == "a,5,calm,1,,,m,f,"
    row = parquet.read_table(tmp_path / "tags.parquet").to_pylist()[0]
    assert (row["percentile"], row["decided"]) == (None, None)


def test_a_playlist_for_each_tag_begins_with_its_most_remarkable_file(tmp_path: Path) -> None:
    made = write(tmp_path, "m3u8")
    assert [path.name for path in made if path.suffix == ".m3u8"] == ["calm.m3u8", "epic_film.m3u8"]
    assert made[0].read_bytes() == "#EXTM3U\n/m/ü".encode() + b"\xff.ogg\nfile:///m/b%0A1.ogg\n"


def test_playlists_that_are_out_of_date_go_and_others_stay(tmp_path: Path) -> None:
    write(tmp_path, "m3u8")
    (tmp_path / "playlists" / "mine.m3u8").touch()
    write(tmp_path, "m3u8", results=Results(track("/m/c.ogg", 0.0, 0.75, 0.0)))
    assert sorted(path.name for path in (tmp_path / "playlists").iterdir()) == ["epic_film.m3u8", "mine.m3u8"]


def test_labels_span_the_windows_that_reach_the_threshold(tmp_path: Path) -> None:
    write(tmp_path, "audacity", results=Results(track("../m/a.ogg", 0.75, 0.5, 0.25)))
    assert (tmp_path / "labels" / "_" / "m" / "a.ogg.txt").read_text() == (
        "0.000\t2.000\tcalm\n0.000\t2.000\tepic/film\n2.000\t5.000\tcalm\n2.000\t5.000\tepic/film\n"
    )


def test_labels_of_the_longest_name_find_a_place(tmp_path: Path) -> None:
    write(tmp_path, "audacity", results=Results(track("/m/" + "ü" * 125 + ".ogg", 0.75, 0.5, 0.25)))
    assert len(list((tmp_path / "labels" / "m").iterdir())) == 1


def test_embeddings_come_as_parquet_or_npy(tmp_path: Path) -> None:
    write(tmp_path, "csv", embeddings="parquet")
    rows = parquet.read_table(tmp_path / "embeddings.parquet").to_pylist()
    assert [(row["path"], row["vector"]) for row in rows] == [
        ("/m/b\n1.ogg", [0.75, 0.5]),
        ("/m/ü\\xff.ogg", [1.0, 0.0]),
    ]
    assert {row["fingerprint"] for row in rows} == {"f00d"}
    write(tmp_path, "csv", embeddings="npy")
    np.testing.assert_array_equal(np.load(tmp_path / "embeddings.npy"), np.array([[0.75, 0.5], [1, 0]], np.float32))
    assert (tmp_path / "embeddings.csv").read_text(encoding="utf-8") == (
        'path,fingerprint\n"/m/b\n1.ogg",f00d\n/m/ü\\xff.ogg,f00d\n'
    )


def test_files_that_failed_have_a_table_that_goes_when_none_does(tmp_path: Path) -> None:
    assert write(tmp_path, "csv")[-1] == tmp_path / "failures.csv"
    assert (tmp_path / "failures.csv").read_text() == "path,reason\n/m/bad.ogg,cut short\n"
    write(tmp_path, "csv", results=Results(track("a", 0, 0, 0)))
    assert not (tmp_path / "failures.csv").exists()


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    made = write(tmp_path, *FORMATS)
    before = {path: path.stat().st_mtime_ns for path in made}
    assert write(tmp_path, *FORMATS) == made
    assert {path: path.stat().st_mtime_ns for path in made} == before
    (tmp_path / "tags.csv").unlink()
    write(tmp_path, *FORMATS)
    assert (tmp_path / "tags.csv").exists()


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_half_there(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(TaggingError, match=r"cannot be written .*: make room or choose another place"):
        write(tmp_path / "out", "csv")

    def broken() -> Iterator[tuple]:
        yield ("a", 1.0)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        tables.write_csv(tmp_path / "x.csv", ("path", "n"), broken())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_another_format_leaves_the_playlists_where_they_are(tmp_path: Path) -> None:
    playlists = write(tmp_path, "m3u8")
    write(tmp_path, "csv")
    assert all(path.exists() for path in playlists)
    write(tmp_path, "m3u8", results=Results(track("/m/c.ogg", 0.0, 0.75, 0.0)))
    assert [path.name for path in (tmp_path / "playlists").iterdir()] == ["epic_film.m3u8"]


def test_labels_that_were_deleted_are_written_again(tmp_path: Path) -> None:
    assert write(tmp_path, "audacity")[0] == tmp_path / "labels"
    labels = [path for path in (tmp_path / "labels").rglob("*") if path.is_file()]
    assert len(labels) == 2
    labels[1].unlink()
    write(tmp_path, "audacity")
    assert all(path.exists() for path in labels)


def test_what_an_earlier_run_left_of_other_results_is_named(tmp_path: Path) -> None:
    def left_over(*formats: str, results: Results = RESULTS) -> list[str]:
        write(tmp_path, *formats, results=results)
        return Outputs(tmp_path, formats, Selection()).left_over(results)

    more = Results(*RESULTS.results(), track("/m/c.ogg", 0.0, 0.75, 0.0))
    assert left_over("csv", "m3u8") == []
    assert left_over("jsonl") == []
    assert left_over("jsonl", results=more) == ["playlists", "tags.csv", "timeline.csv"]
    (tmp_path / "tags.csv").unlink()
    assert left_over("jsonl", results=more) == ["playlists", "timeline.csv"]
    assert left_over("csv", "jsonl", "m3u8", results=more) == []

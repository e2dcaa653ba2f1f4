import base64
import gzip
import html
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from run_folders import TAGS, make_run
from songmood.commands.report import report
from songmood.errors import RunFolderError
from songmood.report.build import MARKDOWN, PAGE, build_report, escaped
from songmood.report.content import Content
from songmood.report.page import content_hash, number, probability, signed
from songmood.report.paper import METRICS
from songmood.report.rows import ReportRow

HOSTILE = "mood---</script><img src=x onerror=alert(1)>&amp;'\"`|*_"
RESAMPLES = 20


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._open:
            self.scripts[-1] += data
        elif self.tables and ("td" in self._open or "th" in self._open):
            self.tables[-1][-1][-1] += data


def unpacked(script: str) -> str:
    return gzip.decompress(base64.b64decode(script)).decode()


class Report(NamedTuple):
    page: Path
    markdown: Path
    content: Content


def make(folder: Path, rows: list[ReportRow], **options: Any) -> Report:
    return Report(folder / PAGE, folder / MARKDOWN, build_report(rows, folder, resamples=RESAMPLES, **options))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Report:
    place = tmp_path_factory.mktemp("report")
    rows = [
        ReportRow(make_run(place / "runs" / "a", "run1", 0)),
        ReportRow(make_run(place / "runs" / "b", "run1", 1)),
        ReportRow(
            make_run(place / "runs" / "c", "run3", 0, skill=2.5), status="stale", note="the cache was made again"
        ),
        ReportRow(place / "runs" / "d", "run5", 0, "failed", "out of memory", place / "runs" / "d" / "train.log"),
    ]
    return make(place / "results", rows)


@pytest.fixture(scope="module")
def page(made: Report) -> Page:
    return Page(made.page.read_text(encoding="utf-8"))


def test_table_1_has_the_papers_figure_beside_ours(made: Report, page: Page) -> None:
    rows = {(row[0], row[1]): row for row in page.tables[0][2:]}
    row = next(row for (name, epochs), row in rows.items() if name.startswith("#1") and epochs.startswith("3"))
    ours = next(r for r in made.content.rows if r.group == "run1" and r.is_final).estimates["roc_auc_macro"]
    assert row[2] == "2"
    assert row[3] == "0.700"
    assert row[4] == f"{ours.mean:.3f} ±\u2009{ours.sd:.3f}{ours.low:.3f} to {ours.high:.3f}"
    assert next(row for (name, _), row in rows.items() if name.startswith("VGG-ish"))[3:5] == ["0.726", "not run"]
    assert all(len(row) == 11 for row in rows.values())


def test_the_best_of_ours_in_a_column_is_bold_and_no_other(made: Report, page: Page) -> None:
    bold = re.findall(r"\*\*(0\.\d+)\*\*", made.markdown.read_text(encoding="utf-8"))
    rows = [row for row in made.content.rows if row.estimates]
    best = [max(row.estimates[metric].mean for row in rows) for metric in METRICS]
    assert bold == [f"{value:.3f}" for value in best]
    marked = [a["data-value"] for _, a in page.elements if "best" in (a.get("class") or "").split()]
    assert [float(value or 0) for value in marked] == best


def test_failed_and_stale_runs_are_named_with_their_reason_and_log(made: Report) -> None:
    for text in (made.page.read_text(encoding="utf-8"), made.markdown.read_text(encoding="utf-8")):
        assert "out of memory" in text
        assert "../runs/d/train.log" in text
        assert "the cache was made again" in text


def test_another_test_set_than_the_papers_is_said(made: Report) -> None:
    assert any("another test set (60 tracks, 4 tags)" in notice.text for notice in made.content.notices)


def test_every_tag_of_every_result_is_in_a_table(made: Report, page: Page) -> None:
    per_tag = [table for table in page.tables if table[0][0] == "Tag"]
    assert len(per_tag) == len(made.content.results) == 6
    for table in per_tag:
        assert {row[0] for row in table[1:]} == {"calm", "epic", "happy", "sad"}
        assert [row[1] for row in table[1:]] == sorted((row[1] for row in table[1:]), reverse=True), "the best first"
        assert {len(row) for row in table} == {13}
    scored = made.content.results[0].result
    line = next(row for row in per_tag[0] if row[0] == "calm")
    assert line[1] == f"{scored.evaluation.tags[TAGS[0]]['pr_auc']:.3f}"
    assert scored.thresholds is not None
    assert line[6] == str(scored.thresholds.positives[0])


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "img")
        assert tag != "script" or "src" not in attributes
        for name in ("src", "href", "action", "data", "poster"):
            assert not re.match(r"(?i)\s*([a-z]+:)?//|\s*javascript:", attributes.get(name) or "")


def test_only_the_pages_own_scripts_may_run(page: Page) -> None:
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert re.search(r"script-src ([^;]+)", policy)[1].split() == [
        content_hash(s) for s in (unpacked(page.scripts[1]), page.scripts[2])
    ]  # type: ignore[index]
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_what_a_file_names_is_text_and_nothing_else(tmp_path: Path) -> None:
    tags = (HOSTILE, "mood---<b>bold</b>", "mood---$x$", "mood---\u2028")
    run = make_run(tmp_path / "<i>run</i>", "<u>mine</u>", tags=tags, commit="<s>", config={"name": "</pre><script>"})
    row = ReportRow(tmp_path / "nowhere", "</table>", 0, "failed", "<script>alert(1)</script>", tmp_path / "a b&c.log")
    made = make(tmp_path / "out", [ReportRow(run), row])
    page = Page(made.page.read_text(encoding="utf-8"))
    assert not {tag for tag, _ in page.elements} & {"img", "u", "s"}
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 3
    charts = json.loads(unpacked(page.scripts[0]))
    assert html.escape(HOSTILE.removeprefix("mood---"), quote=False) in charts["chart-truth"]["figure"]["data"][0]["x"]
    assert any(row[0] == HOSTILE.removeprefix("mood---") for table in page.tables for row in table)
    assert ("a", {"href": "../a%20b%26c.log"}) in page.elements
    text = made.markdown.read_text(encoding="utf-8")
    assert "<script>" not in re.sub(r"\\.", "", text)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    widths = {line.replace("\\|", "").count("|") for line in lines}
    assert widths == {4, 8, 9}, "every line of a table has its columns"


def test_the_same_runs_give_the_same_bytes_wherever_and_whenever(tmp_path: Path, made: Report) -> None:
    here, there = tmp_path / "here", tmp_path / "elsewhere" / "deeper"
    for place, moment in ((here, "2026"), (there, "2031")):
        config = {"name": "run2", "ckpt_path": None if place is here else "/x/last.ckpt", "cache": f"{place}/a.h5"}
        for seed in (0, 1):
            said = {"finished": moment, "seconds": len(str(place)), "config": config}
            make_run(place / "runs" / str(seed), "run2", seed, **said)
    rows = [[ReportRow(place / "runs" / name) for name in names] for place, names in ((here, "01"), (there, "10"))]
    first, second = make(here / "out", rows[0]), make(there / "out", rows[1])
    assert first.page.read_bytes() == second.page.read_bytes()
    assert first.markdown.read_bytes() == second.markdown.read_bytes()
    assert str(tmp_path) not in first.page.read_text(encoding="utf-8")
    assert sorted(path.name for path in first.page.parent.iterdir()) == ["RESULTS.md", "index.html"]


def test_a_run_without_validation_thresholds_and_history_is_reported(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", None, earlier=None)
    for name in ("metrics.csv", "thresholds.tsv", "provenance.json"):
        (run / name).unlink()
    shutil.rmtree(run / "validation")
    made = make(tmp_path / "out", [ReportRow(run)])
    page = Page(made.page.read_text(encoding="utf-8"))
    assert json.loads(unpacked(page.scripts[0]))["chart-thresholds"]["values"] == [[None]]
    assert next(table for table in page.tables if table[0][0] == "Tag")[1][5] == "–"


def test_a_report_in_which_every_run_failed_says_so(tmp_path: Path) -> None:
    made = make(tmp_path / "out", [ReportRow(tmp_path / "bad", "run1", 0, "failed", "no disk space")])
    text = made.page.read_text(encoding="utf-8")
    assert "no disk space" in text
    assert "0 of 1" in text
    assert "There are not two rows" in text


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"file/out: the report cannot be written"):
        make(tmp_path / "file" / "out", [ReportRow(make_run(tmp_path / "run"))])


def test_the_command_writes_both_files_and_says_where(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(report)
    run = make_run(tmp_path / "run", earlier=None)
    done = CliRunner().invoke(app, [str(run), "--out", str(tmp_path / "out"), "--bootstrap", "100"])
    assert done.exit_code == 0
    assert [Path(line).is_file() for line in done.stdout.split()] == [True, True]
    bad = CliRunner().invoke(app, [str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")])
    assert isinstance(bad.exception, RunFolderError)


def test_numbers_read_as_people_write_them() -> None:
    assert (number(0.12345), number(None), number(float("nan"))) == ("0.123", "–", "–")
    assert (signed(-0.0123), signed(0.5)) == ("−0.012", "+0.500")
    assert (probability(0.0001), probability(0.04)) == ("< 0.001", "0.040")
    assert escaped("a|b\n<c>") == "a\\|b \\<c\\>"


def test_real_submissions_score_as_the_organisers_printed(tmp_path: Path, reference: Path) -> None:
    import numpy as np

    folder, source = tmp_path / "run_3", reference / "jamendo"
    folder.mkdir()
    shutil.copy(source / "submissions" / "run_3_predictions.npy", folder / "predictions.npy")
    shutil.copy(source / "submissions" / "run_3_decisions.npy", folder / "decisions.npy")
    np.save(folder / "targets.npy", np.load(source / "groundtruth.npy"))
    shutil.copy(source / "moodtheme_split.txt", folder / "tags.txt")
    (folder / "metrics.json").write_text('{"test": {}}')
    made = make(tmp_path / "out", [ReportRow(folder, "run3")])
    row = next(row for row in made.content.rows if row.group == "run3")
    printed = dict(
        line.split("\t") for line in (source / "submissions" / "run_3.tsv").read_text().splitlines() if "\t" in line
    )
    for ours, theirs in (
        ("roc_auc_macro", "ROC-AUC-macro"),
        ("pr_auc_macro", "PR-AUC-macro"),
        ("f1_micro", "F-score-micro"),
    ):
        assert row.estimates[ours].mean == pytest.approx(float(printed[theirs]), abs=1e-6)
    assert not made.content.notices, "it is the paper's test set"
    assert made.page.stat().st_size < 2_500_000

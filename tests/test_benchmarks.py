"""`make bench`: nothing measured is lost, and its table fits a terminal."""

import json
from pathlib import Path

import pytest

from tiny import ROOT

ROW = "Row('windows, one core, against a very plain DataLoader', {}, 2_000_000.0, 'windows/s', 10, 'the same [bytes]')"
FAST = f"from benchmarks.harness import Row\ndef rows(): return [{ROW.format('1_000_000.0')}]\n"
UNMEASURED = f"from benchmarks.harness import Row\ndef rows(): return [{ROW.format('None')}]\n"
FAILS = "def rows(): raise OSError('the disk is full')\n"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes benchmarks beside the real ones and runs those that are named."""
    monkeypatch.syspath_prepend(str(ROOT))
    import benchmarks
    from benchmarks.__main__ import main

    monkeypatch.setattr(benchmarks, "__path__", [*benchmarks.__path__, str(tmp_path)])
    monkeypatch.setenv("COLUMNS", "80")

    def run(**contents: str) -> None:
        for name, content in contents.items():
            (tmp_path / f"{name}.py").write_text(content)
        main([*contents, "--out", str(tmp_path / "results" / "bench.json")])

    return run


def test_what_was_measured_is_kept_and_shown_where_a_later_benchmark_fails(bench, tmp_path, capsys) -> None:
    with pytest.raises(OSError, match="the disk is full"):
        bench(tried_first=FAST, tried_second=FAILS)
    kept = json.loads((tmp_path / "results" / "bench.json").read_text())
    assert [(row["obvious"], row["ours"]) for row in kept["rows"]] == [(1e6, 2e6)]
    assert kept["hardware"]
    assert "2,000,000" in capsys.readouterr().out


def test_where_the_obvious_way_is_not_installed_the_others_are_still_measured(bench, tmp_path, capsys) -> None:
    bench(tried_fifth="def rows(): import nowhere_to_be_found\n", tried_sixth=FAST)
    assert "tried_fifth is left out: nowhere_to_be_found is not installed" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "results" / "bench.json").read_text())["rows"]) == 1


def test_the_table_fits_80_columns_with_each_figure_whole(bench, capsys) -> None:
    bench(tried_third=FAST, tried_fourth=UNMEASURED)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines if "written to" not in line)
    rows = [line.split() for line in lines if "windows, one core" in line]
    assert [row[-4:] for row in rows] == [["1,000,000", "2,000,000", "2.00", "10"], ["-", "2,000,000", "-", "10"]]
    assert any("windows/s; the same [bytes]" in line for line in lines)


def test_a_name_without_rows_says_so_and_what_it_is(bench, tmp_path, capsys) -> None:
    bench(alone='"""A profile: `python -m benchmarks.alone [N]`.\n\nMore."""\n', shared="")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "alone has no rows: A profile: `python -m benchmarks.alone [N]`.",
        "shared has no rows: it serves other benchmarks",
    ]
    assert not (tmp_path / "results").exists()


def test_an_unknown_name_is_one_line_with_the_nearest(monkeypatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.__main__ import main

    with pytest.raises(SystemExit):
        main(["windws"])
    assert "no benchmark windws; did you mean 'windows'? (there are: ablation, " in capsys.readouterr().err

"""A run's results on the terminal, the result itself last."""

from pathlib import Path

import pytest

from songmood.runs.results import announce


def scored(value: float | None) -> dict[str, object]:
    return {"roc_auc_macro": value, "pr_auc_macro": 0.125, "f1_micro": 0.25, "f1_macro": None, "tags": {}}


def test_the_table_ends_with_the_test_split_and_the_places_follow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")  # narrower than the paths, which stay whole
    for name in ("tags.png", "elbows.png", "metrics.json"):
        (tmp_path / name).touch()
    metrics = {"test": scored(0.71239), "validation": scored(0.5)}
    announce(tmp_path, "run 3", metrics, {"test, epoch 8": scored(None)})
    said = capsys.readouterr().out
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if "│" in line]
    assert cells == [
        ["validation", "0.5000", "0.1250", "0.2500", "-"],
        ["test, epoch 8", "-", "0.1250", "0.2500", "-"],
        ["test", "0.7124", "0.1250", "0.2500", "-"],
    ]
    assert "run 3: results" in said
    headings = next(line for line in said.splitlines() if "ROC-AUC" in line)
    assert [cell.strip() for cell in headings.strip("┃").split("┃")][1:] == [
        "ROC-AUC",
        "PR-AUC",
        "F1 micro",
        "F1 macro",
    ]
    assert said.splitlines()[-3:] == [
        f"run folder  {tmp_path}",
        f"picture     {tmp_path / 'elbows.png'}",
        f"picture     {tmp_path / 'tags.png'}",
    ]


def test_a_run_without_a_test_split_shows_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    announce(tmp_path, "tuning", {"validation": scored(0.5)}, {})
    said = capsys.readouterr().out
    assert "validation" in said
    assert "│ test" not in said


def test_names_that_look_like_markup_are_shown_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "augment=[mixup]" / "a[" / "b]"
    folder.mkdir(parents=True)
    (folder / "tags.png").touch()
    announce(folder, "run[/mix]", {"test": scored(0.5)}, {})
    said = capsys.readouterr().out
    assert "run[/mix]: results" in said
    assert said.splitlines()[-2:] == [f"run folder  {folder}", f"picture     {folder / 'tags.png'}"]

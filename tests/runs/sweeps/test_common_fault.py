"""What every job would fail for is said once, before the first starts; what one fails for is that job's."""

from pathlib import Path

import pytest

from songmood.runs.entry import run
from tiny import TINY_RUN, folder_overrides, write_corpus


def said(capsys: pytest.CaptureFixture[str], *overrides: str) -> str:
    with pytest.raises(SystemExit) as stop:
        run("train", ["-m", *overrides])
    assert stop.value.code == 1
    return capsys.readouterr().err


def test_a_missing_cache_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONGMOOD_DATA", str(tmp_path))
    error = said(capsys, "model=crnn,crnn_attn", f"hydra.sweep.dir={tmp_path}/sweep")
    assert error.startswith("all 2 jobs would fail: ")
    assert "corpus=demo" in error
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("trainer.max_epochs=0", "ConfigError: trainer.max_epochs=0: expected a whole number, 1 or more"),
        ("+model.bogus=1", "ConfigError: songmood.models.crnn.build_crnn cannot be made from the configuration"),
    ],
)
def test_a_bad_value_in_the_shared_part_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], override: str, line: str
) -> None:
    corpus = folder_overrides(write_corpus(tmp_path / "corpus"))
    error = said(capsys, "seed=0,1", *corpus, *TINY_RUN[:-1], override, f"hydra.sweep.dir={tmp_path}/sweep")
    assert error.startswith(f"all 2 jobs would fail: {line}")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "sweep").exists()

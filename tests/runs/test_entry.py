"""What the user can mend is one line, before anything long starts, and what Hydra says in several is one line too."""

import shlex
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from songmood.runs.configuration import as_typed
from tiny import command, run

HEAVY = ("torch", "pytorch_lightning", "wandb", "h5py", "matplotlib", "numpy")


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["data.windw=3"], "ConfigError: no key 'data.windw' in the configuration; did you mean 'data.window'?"),
        (["model=crn"], "ConfigError: no model 'crn'; did you mean 'crnn'? (there are: convs, crnn, "),
        (["model.bogus=1"], "ConfigError: no key 'model.bogus' in the configuration"),
        (["model"], "ConfigError: "),
        (
            ["corpus=demo", "+model.bogus=1"],
            "ConfigError: songmood.models.crnn.build_crnn cannot be made from the configuration: got an unexpected",
        ),
        (["corpus=folder"], "ConfigError: corpus.root is not set: give it on the command line, corpus.root=..."),
        (["corpus=folder", "corpus.root=nowhere"], "CorpusError: no folder nowhere"),
        (["corpus=demo", "seed=-1"], "ConfigError: seed=-1: expected a whole number, 0 or more"),
        (["corpus=demo", "ckpt_path=none.ckpt"], "CheckpointError: ckpt_path=none.ckpt: no such file"),
        (["corpus=demo", "trainer.devices=[]"], "ConfigError: "),
        (["corpus=demo", "trainer=gpu"], "ConfigError: "),
    ],
)
def test_a_fault_on_the_command_line_is_one_line(overrides: list[str], line: str, tmp_path: Path) -> None:
    done = run(command("train.py", *overrides, f"hydra.run.dir={tmp_path}"), SONGMOOD_DATA=str(tmp_path))
    assert done.returncode == 1
    said = (done.stdout + done.stderr).strip().splitlines()
    assert line in said[-1]
    assert not any("Traceback" in other for other in said)
    assert len([other for other in said if "Error" in other]) == 1
    assert not list(tmp_path.rglob("*.h5"))


def test_a_missing_jamendo_cache_names_three_ways_on(tmp_path: Path) -> None:
    done = run(command("train.py", f"hydra.run.dir={tmp_path}"), SONGMOOD_DATA=str(tmp_path))
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Error: " in said
    assert "Traceback" not in said
    for way in ("make data", "68 GB", "36 GB", "corpus=demo", "corpus=folder corpus.root="):
        assert way in said


@pytest.mark.parametrize("question", [["--help"], ["--cfg", "job"], ["--info", "defaults"]])
def test_questions_are_answered_before_anything_heavy_is_imported(question: list[str]) -> None:
    done = run([sys.executable, "-X", "importtime", *command("train.py", "corpus=demo", *question)[1:]])
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert not imported & set(HEAVY)
    assert "hydra" in imported


@pytest.mark.parametrize(
    "folder", ["run", "model=crnn,seed=0", "my music", "it's", 'a "run"', "Mötley", "a[1]{2}(3)", "a: b", "$HOME"]
)
def test_a_checkpoint_can_be_pasted_into_a_shell_whatever_its_folder_is_called(folder: str) -> None:
    path = f"/results/{folder}/checkpoints/last.ckpt"
    (override,) = shlex.split(as_typed("ckpt_path", Path(path)))
    parsed = OverridesParser.create().parse_override(override)
    assert (parsed.get_key_element(), parsed.value()) == ("ckpt_path", path)

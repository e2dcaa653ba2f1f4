"""A checkpoint from anywhere decides nothing about which code runs: a dozen and more ways to try it."""

import importlib
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from songmood.config import build, config_dir
from songmood.errors import CheckpointError
from songmood.training.card import ModelCard, read_checkpoint
from songmood.training.trust import BUILDERS, targets_of

NET = {"_target_": "songmood.models.crnn.build_crnn", "filters": [4, 4, 4, 4], "gru_width": 4}
CARD = ModelCard(
    tags=("happy", "sad"),
    features=(),
    mel={"sample_rate": 12_000},
    model=NET,
    windows={"_target_": "songmood.loading.datamodule.MoodDataModule", "window": 96},
    threshold={"_target_": "songmood.evaluation.rules.Elbow"},
    seed=0,
    cache_fingerprint="abc",
)
FOREIGN = "foreign_code"  # a module whose import is an attack that has succeeded
CALL = {"_target_": f"{FOREIGN}.call"}


def nested(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = dict(CALL)
    for _ in range(depth):
        node = {"below": node}
    return NET | node


def circle() -> dict[str, Any]:
    node: dict[str, Any] = dict(NET)
    node["filters"] = [node]
    return node


ATTACKS: dict[str, Any] = {
    "another package": CALL,
    "a target below another": NET | {"hidden": CALL},
    "a target in a list of lists": NET | {"pools": [[CALL]]},
    "a target in a tuple": NET | {"filters": (4, CALL)},
    "a target in a set": NET | {"filters": {4, 5}},
    "a target in a mapping of another type": NET | {"filters": OrderedDict(CALL)},
    "Hydra's positional arguments": NET | {"_args_": [CALL]},
    "a factory": CALL | {"_partial_": True},
    "no recursion": NET | {"hidden": CALL, "_recursive_": False},
    "an import of ours": {"_target_": "songmood.training.card.torch.hub.load", "repo_or_dir": "/tmp/x"},
    "an import of an import": {"_target_": "songmood.config.inspect.os.system", "command": "true"},
    "our builder of anything": {"_target_": "songmood.config.build", "node": CALL},
    "our builder, called on": {"_target_": "songmood.models.crnn.build_crnn.__globals__.get"},
    "a moved name, and on": {"_target_": "songmood.data.windows.np.load", "file": "/tmp/x"},
    "Hydra's own functions": {"_target_": "hydra.utils.get_method", "path": "os.system"},
    "something built in": {"_target_": "builtins.eval"},
    "a network of torch's": {"_target_": "torch.nn.Linear"},
    "a target that is no text": {"_target_": CALL},
    "a target to be computed": {"_target_": "${oc.env:HOME}"},
    "a value to be computed": NET | {"hidden": "${eval:__import__('os').getcwd()}"},
    "a key that is no text": NET | {4: CALL},
    "a relative target": {"_target_": "..foreign_code.call"},
    "an empty target": {"_target_": ""},
    "a deep nest": nested(200),
    "a nest too deep to walk": nested(100_000),
    "more values than any card": NET | {"filters": list(range(100_000))},
    "a circle": circle(),
}


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Code that would tell that it ran."""
    ran = tmp_path / "ran"
    code = f"from pathlib import Path\nPath({str(ran)!r}).touch()\ndef call(**_):\n    pass\n"
    (tmp_path / f"{FOREIGN}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, FOREIGN, raising=False)
    return ran


def test_the_foreign_code_runs_where_it_is_built(foreign: Path) -> None:
    build(CALL)
    assert foreign.exists()


@pytest.mark.parametrize("part", ["model", "windows", "threshold", "tagger"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_before_anything_is_imported(
    attack: str, part: str, foreign: Path, tmp_path: Path
) -> None:
    plain = CARD.to_plain() | {part: ATTACKS[attack]}
    modules = set(sys.modules)
    with pytest.raises(CheckpointError, match=r"^bad\.ckpt: "):
        ModelCard.from_plain(plain, Path("bad.ckpt"))
    assert not foreign.exists()
    assert set(sys.modules) == modules


@pytest.mark.parametrize("attack", ["a target in a tuple", "an import of ours", "a circle"])
def test_a_file_that_holds_an_attack_is_refused(attack: str, foreign: Path, tmp_path: Path) -> None:
    plain = CARD.to_plain() | {"model": ATTACKS[attack]}
    torch.save({ModelCard.KEY: plain, "state_dict": {}}, tmp_path / "bad.ckpt")
    checkpoint = read_checkpoint(tmp_path / "bad.ckpt")
    with pytest.raises(CheckpointError):
        ModelCard.from_plain(checkpoint[ModelCard.KEY], tmp_path / "bad.ckpt")
    assert not foreign.exists()


@pytest.mark.parametrize("value", [None, [], "text", {"tags": "happy"}, {"tags": 3}, {"seed": [1]}, {"mel": []}])
def test_a_card_of_another_shape_is_refused(value: Any) -> None:
    plain = CARD.to_plain() | value if isinstance(value, dict) else value
    with pytest.raises(CheckpointError, match=r"^bad\.ckpt: its model card"):
        ModelCard.from_plain(plain, Path("bad.ckpt"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, foreign: Path) -> str:
    """A package of the user's, which imports foreign code itself."""
    folder = tmp_path / "my_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("from my_package.nets import Net as Renamed\nimport subprocess\n")
    (folder / "nets.py").write_text("import torch\nfrom os import system\nclass Net(torch.nn.Module):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("my_package", "my_package.nets"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "my_package"


@pytest.mark.parametrize(
    ("target", "trusted"),
    [
        ("my_package.nets.Net", "my_package"),
        ("my_package.Renamed", "my_package"),
        ("my_package.nets.Net", "my_package.nets"),
        ("my_package.nets.Net", "my_package.nets.Net"),
    ],
)
def test_what_a_trusted_package_defines_is_taken(package: str, target: str, trusted: str) -> None:
    model = {"_target_": target}
    assert ModelCard.from_plain(CARD.to_plain() | {"model": model}, Path("a"), [trusted]).model == model


@pytest.mark.parametrize(
    "target",
    [
        "my_package.subprocess.run",
        "my_package.nets.system",
        "my_package.nets.torch.hub.load",
        "my_package.nets.Net.load_state_dict",
        "my_package.nets",
        "my_package.none",
        "my_package_of_others.Net",
        "foreign_code.call",
    ],
)
def test_what_a_trusted_package_only_imports_is_not(package: str, target: str, foreign: Path) -> None:
    plain = CARD.to_plain() | {"model": {"_target_": target}}
    with pytest.raises(CheckpointError, match=f"it names {target}, which is neither"):
        ModelCard.from_plain(plain, Path("a"), [package])
    assert not foreign.exists()


def test_a_trusted_package_that_is_not_there_is_named() -> None:
    plain = CARD.to_plain() | {"model": {"_target_": "no_such_package.Net"}}
    with pytest.raises(CheckpointError, match="the trusted package no_such_package cannot be imported"):
        ModelCard.from_plain(plain, Path("a"), ["no_such_package"])


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_builder_is_songmoods_own(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert getattr(importlib.import_module(module), attribute).__module__ == module


def test_every_builder_that_a_run_can_write_into_a_checkpoint_may_be_read_from_one() -> None:
    from omegaconf import OmegaConf

    for group in ("model", "threshold", "data"):
        for path in (config_dir() / group).rglob("*.yaml"):
            for target in targets_of(OmegaConf.to_container(OmegaConf.load(path))):
                assert target in BUILDERS, f"{path.name} names {target}: add it to songmood.training.trust.BUILDERS"

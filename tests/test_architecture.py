"""The rooms of the package: a stage imports earlier stages only, and evaluation scores anyone's files without torch."""

import ast
from pathlib import Path

import pytest

import songmood

ROOT = Path(songmood.__file__).parent
MAY_IMPORT = {
    "data": {"data"},
    "models": {"models"},
    "evaluation": {"evaluation"},
    "training": {"data", "models", "evaluation", "training"},
    "report": {"evaluation", "training", "report"},
    "commands": {"data", "models", "evaluation", "training", "report", "commands"},
}
NOT_IN_EVALUATION = {"torch", "pytorch_lightning", "torchmetrics", "sklearn", "scipy", "pandas", "h5py", "hydra"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def rooms_of(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("songmood.")} & set(MAY_IMPORT)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_earlier_rooms_only(room: str) -> None:
    modules = sorted((ROOT / room).rglob("*.py"))
    assert modules
    for module in modules:
        backwards = rooms_of(imported(module)) - MAY_IMPORT[room]
        assert not backwards, f"{module.relative_to(ROOT)} imports {sorted(backwards)}"


def test_every_folder_of_the_package_is_a_known_room() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT)


def test_evaluation_needs_numpy_alone() -> None:
    for module in sorted((ROOT / "evaluation").rglob("*.py")):
        heavy = {name.split(".")[0] for name in imported(module)} & NOT_IN_EVALUATION
        assert not heavy, f"{module.relative_to(ROOT)} imports {sorted(heavy)}"


def test_only_the_data_module_knows_lightning_in_the_data_room() -> None:
    users = {
        path.name
        for path in (ROOT / "data").rglob("*.py")
        if any(name.startswith("pytorch_lightning") for name in imported(path))
    }
    assert users <= {"datamodule.py"}


def test_below_the_run_nothing_sees_a_composed_configuration() -> None:
    may_see = {"entry.py", "run.py", "parts.py", "rescore.py", "baseline.py", "sweep.py", "reproduction.py"}
    for path in ROOT.rglob("*.py"):
        sees = any(name.startswith("omegaconf") for name in imported(path))
        assert not sees or path.name in may_see or path.parent.name == "commands", path

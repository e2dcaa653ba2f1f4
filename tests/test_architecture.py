"""The rooms of the package: a room imports earlier rooms only, and evaluation scores anyone's files without torch."""

import ast
from pathlib import Path

import pytest

import songmood

ROOT = Path(songmood.__file__).parent
MAY_IMPORT = {  # beside the modules at the top, which each room may use
    "audio": set(),
    "cache": {"audio.parameters"},
    "corpora": {"audio", "cache"},
    "loading": {"cache"},
    "models": set(),
    "evaluation": set(),
    "training": {"loading", "models", "evaluation"},
    "runs": {"audio", "cache", "corpora", "loading", "models", "evaluation", "training"},
    "report": {"evaluation", "runs"},
    "tagging": {"audio", "models", "evaluation", "training"},
    "commands": {
        "audio",
        "cache",
        "corpora",
        "loading",
        "models",
        "evaluation",
        "training",
        "runs",
        "report",
        "tagging",
    },
}
CORPORA = ("demo", "folder", "jamendo")
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


def within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def own_names(path: Path) -> set[str]:
    """Modules of the package, without its name, that a file imports from rooms."""
    names = {name.removeprefix("songmood.") for name in imported(path) if name.startswith("songmood.")}
    return {name for name in names if name.split(".")[0] in MAY_IMPORT}


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_earlier_rooms_only(room: str) -> None:
    modules = sorted((ROOT / room).rglob("*.py"))
    assert modules
    for module in modules:
        allowed = MAY_IMPORT[room] | {room}
        backwards = {name for name in own_names(module) if not any(within(name, place) for place in allowed)}
        backwards -= {place.rpartition(".")[0] for place in allowed}  # `from songmood.audio.parameters` names its room
        assert not backwards, f"{module.relative_to(ROOT)} imports {sorted(backwards)}"


def test_the_top_imports_no_room() -> None:
    for module in ROOT.glob("*.py"):  # but for what gathers the rooms: the command, and the lazy names of the API
        assert module.name in ("cli.py", "__main__.py", "__init__.py") or not own_names(module), module


def test_corpora_do_not_see_each_other() -> None:
    for corpus in CORPORA:
        for module in [ROOT / "corpora" / f"{corpus}.py", *(ROOT / "corpora" / corpus).rglob("*.py")]:
            others = {f"corpora.{other}" for other in CORPORA} - {f"corpora.{corpus}"}
            seen = {name for name in own_names(module) if module.exists()} if module.exists() else set()
            assert not {name for name in seen if any(within(name, other) for other in others)}, module


def test_every_folder_of_the_package_is_a_known_room() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT)


def test_evaluation_needs_numpy_alone() -> None:
    for module in sorted((ROOT / "evaluation").rglob("*.py")):
        heavy = {name.split(".")[0] for name in imported(module)} & NOT_IN_EVALUATION
        assert not heavy, f"{module.relative_to(ROOT)} imports {sorted(heavy)}"


def test_before_training_only_the_data_module_knows_lightning() -> None:
    users = {
        path.name
        for room in ("audio", "cache", "corpora", "loading", "models")
        for path in (ROOT / room).rglob("*.py")
        if any(name.startswith("pytorch_lightning") for name in imported(path))
    }
    assert users <= {"datamodule.py"}


def test_below_the_run_nothing_sees_a_composed_configuration() -> None:
    for path in ROOT.rglob("*.py"):
        sees = any(name.startswith("omegaconf") for name in imported(path))
        assert not sees or path.relative_to(ROOT).parts[0] in ("runs", "commands"), path

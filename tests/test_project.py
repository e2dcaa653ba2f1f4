"""What several files say of the project, they say alike."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import songmood
from test_architecture import MAY_IMPORT
from tiny import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = [Requirement(line) for lines in (PROJECT["project"]["dependencies"], *EXTRAS.values()) for line in lines]
PINNED = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
)


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_oldest_and_the_newest_python_are_the_same_everywhere() -> None:
    accepted = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [minor for minor in range(30) if f"3.{minor}.5" in accepted]
    oldest, newest = f"3.{minors[0]}", f"3.{minors[-1]}"
    assert yaml.safe_load(text(".github/workflows/checks.yml"))["jobs"]["run"]["strategy"]["matrix"]["python"] == [
        oldest,
        newest,
    ]
    for path in ("README.md", "Makefile", "constraints.txt"):
        assert f"Python {oldest} to {newest}" in text(path), path
    assert f"(3, {minors[0]}) <= sys.version_info[:2] <= (3, {minors[-1]})" in text("Makefile")
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py3{minors[0]}"


@pytest.mark.parametrize("wanted", [wanted for wanted in WANTED if wanted.name != "songmood"], ids=lambda it: it.name)
def test_each_dependency_is_pinned_to_what_the_package_accepts(wanted: Requirement) -> None:
    assert wanted.specifier.contains(PINNED[wanted.name.lower()], prereleases=True)


def test_continuous_integration_and_commits_are_checked_as_a_contributor_checks() -> None:
    assert yaml.safe_load(text(".github/workflows/checks.yml"))["jobs"]["run"]["steps"][-1] == {"run": ".ci/run"}
    assert [line for line in text(".ci/run").splitlines() if line.startswith("make")] == [
        "make lint",
        "make docs",
        "make test",
    ]
    hooks = {hook["id"]: hook for hook in yaml.safe_load(text(".pre-commit-config.yaml"))["repos"][0]["hooks"]}
    for name in ("ruff-format", "ruff-check"):
        assert hooks[name]["additional_dependencies"] == [f"ruff=={PINNED['ruff']}"]


def test_the_citation_is_of_this_version_and_of_what_the_readme_cites() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == PROJECT["project"]["version"] == songmood.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    readme = " ".join(text("README.md").replace(">", " ").split())
    for work in citation["references"]:
        assert work["title"] in readme
        for author in work["authors"]:
            assert f"{author['given-names'][0]}." in readme
            assert author["family-names"] in readme


def test_what_contributing_names_is_there() -> None:
    named = re.findall(r"`((?:src|tests|conf|docs|benchmarks)/[^`*]*)`", text("CONTRIBUTING.md"))
    assert len(named) > 20
    assert not [path for path in named if "NAME" not in path and not (ROOT / path).exists()]


def test_contributing_tells_every_room_in_the_order_of_the_data() -> None:
    rooms = re.findall(r"^\| `src/songmood/(\w+)/` \|", text("CONTRIBUTING.md"), re.MULTILINE)
    assert rooms == list(MAY_IMPORT)


def test_the_demo_ends_with_the_moods_of_a_piece_that_it_did_not_train_on() -> None:
    (stem,) = re.findall(r"songmood tag .*/demo/audio/(\S+)\.flac", text("Makefile"))
    assert stem in {track.stem for track in songmood.DemoCorpus().splits["test"]}

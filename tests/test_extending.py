"""Every block of `docs/extending.md` does what the page says: the files are written, the commands run."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import soundfile

from tiny import ROOT, TINY_NET, TINY_RUN, folder_overrides, run, write_corpus

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = {title: text for title, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST = 20  # lines of code that a part of one's own may take


def blocks(text: str) -> list[tuple[str, str]]:
    return BLOCK.findall(text)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the page writes, a tiny corpus in the place of the demo, and songs."""
    place = tmp_path_factory.mktemp("user")
    for kind, code in blocks(PAGE):
        if kind in ("python", "yaml"):
            path = place / code.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code.partition("\n")[2], encoding="utf-8")
    write_corpus(place / "tiny")
    write_songs(place / "songs")
    return place


def write_songs(folder: Path) -> None:
    import numpy as np

    folder.mkdir()
    rows = ["file,seconds,artist,moods,split"]
    for number in range(12):
        mood = "calm" if number % 2 else "bright"
        pitch = 220 * (1 + number % 2)
        soundfile.write(folder / f"{number}.wav", 0.3 * np.sin(np.arange(36_000) * pitch / 12_000 * 6.28), 12_000)
        split = ("train", "validation", "test")[number % 3 if number > 5 else 0]
        rows.append(f"{number}.wav,3,artist {number},{mood},{split}")
    (folder / "songs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def small(command: str, place: Path) -> list[str]:
    """The page's command with its sizes cut down; the demo's place is taken by a tiny corpus."""
    script, *arguments = shlex.split(command.removeprefix("python "))
    if "corpus=demo" in arguments:
        arguments = [argument for argument in arguments if argument != "corpus=demo"]
        arguments += folder_overrides(place / "tiny")
    given = {argument.partition("=")[0] for argument in arguments}
    if script == "train.py":
        sizes = TINY_RUN if "model=mean_net" in arguments else (*TINY_RUN, *TINY_NET)
        arguments += [size for size in (*sizes, "logger=none") if size.partition("=")[0] not in given]
    else:
        arguments += ["trainer=cpu", "threads=1"]
    return [sys.executable, str(ROOT / script), *arguments]


@pytest.mark.parametrize("title", SECTIONS)
def test_the_blocks_of_a_section_run(title: str, place: Path) -> None:
    commands = [line for kind, code in blocks(SECTIONS[title]) if kind == "sh" for line in code.splitlines()]
    assert commands, title
    for command in commands:
        done = run(small(command, place), place)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("title", SECTIONS)
def test_a_part_of_ones_own_is_short(title: str) -> None:
    for kind, code in blocks(SECTIONS[title]):
        if kind in ("python", "yaml"):
            assert len([line for line in code.splitlines() if line.strip()]) <= LONGEST + 1, title  # and its name

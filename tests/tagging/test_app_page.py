"""The page in headless Chromium with real files: drop, see, hear, seek, compare, sort, take along."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import torch
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from browser import CONTRAST, browser, emulate, errors, needs_browser, refresh, requests
from page_server import served
from songmood.evaluation.quantiles import quantile_table
from songmood.tagging.load import load_tagger
from songmood.tagging.music_tagger import MusicTagger
from tiny_tagger import write_checkpoint, write_music

pytestmark = needs_browser
SECOND = "second <b>model</b>"
SONGS = ("1 <img src=x onerror=alert(1)>.ogg", "2 quiet.flac", "3 loud.wav")
LENGTHS = (8.0, 5.0, 12.0)


@pytest.fixture(scope="module")
def taggers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MusicTagger]:
    folder = tmp_path_factory.mktemp("models")
    table = torch.from_numpy(quantile_table(np.random.default_rng(0).normal(0.5, 0.1, (100, 3))))
    paths = (write_checkpoint(folder / f"{seed}.ckpt", seed, quantiles=table) for seed in (1, 2))
    return dict(zip(("first", SECOND), map(load_tagger, paths), strict=True))


@pytest.fixture(scope="module")
def client(taggers: dict[str, MusicTagger]) -> Iterator[httpx.Client]:
    with served(taggers) as client:
        yield client


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("album")
    return [
        write_music(folder / name, seconds, seed)
        for seed, (name, seconds) in enumerate(zip(SONGS, LENGTHS, strict=True))
    ]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


@pytest.fixture
def page(started: webdriver.Chrome, client: httpx.Client) -> Iterator[webdriver.Chrome]:
    """The page without songs; nothing that a test does makes it complain or ask elsewhere."""
    for song in client.get("/songs").json():
        client.delete(f"/songs/{song['key']}")
    chrome, address = refresh(started), f"{client.headers['Origin']}/"
    chrome.get(address)
    yield chrome
    assert errors(chrome) == []
    asked = requests(chrome)
    assert f"{address}app.js" in asked, "the log works"
    assert {url for url in asked if not url.startswith((address, "blob:", "data:", "about:"))} == set()


def find(page: webdriver.Chrome, selector: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, selector)


def texts(page: webdriver.Chrome, selector: str) -> list[str]:
    """All at once: while songs are tagged, the table is drawn anew."""
    script = "return [...document.querySelectorAll(arguments[0])].map((found) => found.innerText.trim())"
    return list(page.execute_script(script, selector))


def until(page: webdriver.Chrome, holds: Callable[[], Any]) -> Any:
    return WebDriverWait(page, 60, 0.05).until(lambda _: holds())


def take(page: webdriver.Chrome, *paths: Path) -> None:
    """Choose files, and wait until they are tagged."""
    find(page, "#files").send_keys("\n".join(map(str, paths)))
    until(page, lambda: find(page, "#count").text.endswith(f"{len(paths)} tagged"))


def place(page: webdriver.Chrome) -> float:
    return float(page.execute_script("return document.getElementById('player').currentTime"))


def playhead(page: webdriver.Chrome) -> float:
    return float(page.execute_script("return parseFloat(document.getElementById('playhead').style.left)"))


def test_songs_are_chosen_and_seen_with_their_tags_on_one_scale(
    page: webdriver.Chrome, music: list[Path], taggers: dict[str, MusicTagger]
) -> None:
    take(page, *music)
    assert texts(page, "td.song") == list(SONGS)
    assert texts(page, "td.length") == ["0:08", "0:05", "0:12"]
    expected = taggers["first"].tag(music[0])
    assert find(page, "#song-name").text == SONGS[0]
    assert texts(page, "#bars-0 .name") == texts(page, "#taggram-tags li") == [row.tag for row in expected.top()]
    assert texts(page, "#bars-0 .decided .name") == expected.decided
    widths = page.execute_script(
        "return [...document.querySelectorAll('#bars-0 .fill')].map((fill) => parseFloat(fill.style.width))"
    )
    assert widths == pytest.approx([row.percentile for row in expected.top()], abs=0.06)
    for path, moods in zip(music, page.find_elements(By.CSS_SELECTOR, "td.moods"), strict=True):
        assert [chip.text for chip in moods.find_elements(By.CLASS_NAME, "chip")] == taggers["first"].tag(path).decided
    assert page.find_elements(By.TAG_NAME, "img") == []


def test_songs_and_folders_are_dropped(page: webdriver.Chrome, music: list[Path], tmp_path: Path) -> None:
    album = tmp_path / "album"
    for name in ("10.wav", "9.wav", "disc/1.wav"):
        write_music(album / name, 2.5)
    (album / "cover.jpg").write_bytes(b"\xff\xd8")
    until(page, lambda: find(page, "#model-0 option"))
    dropped = {"items": [], "files": [str(album), str(music[1])], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 200, "data": dropped})
    until(page, lambda: find(page, "#count").text == "4 songs, 4 tagged")
    assert texts(page, "td.song") == ["9.wav", "10.wav", "1.wav", "2 quiet.flac"]
    assert not find(page, "body").get_attribute("class").count("dragging")


def test_the_colours_of_the_taggram_are_the_shares_of_its_windows(
    page: webdriver.Chrome, music: list[Path], client: httpx.Client
) -> None:
    take(page, music[2])
    (song,) = client.get("/songs").json()
    told = client.get(f"/songs/{song['key']}").json()["first"]
    low, high = np.array([247, 245, 239]), np.array([47, 111, 106])
    image = """
        const canvas = document.getElementById("taggram-canvas");
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return [canvas.height, canvas.width, [...pixels.data]];
    """
    height, width, data = page.execute_script(image)
    pixels = np.reshape(data, (height, width, 4))[..., :3]
    edges, tags = told["timeline"]["edges"], [row["tag"] for row in told["rows"]]
    for row, tag in enumerate(tags):
        for at, share in enumerate(told["timeline"]["values"][tag]):
            x, y = (edges[at] + edges[at + 1]) / 2 / edges[-1], (row + 0.5) / len(tags)
            expected = low + (high - low) * max(share - 40, 0) / 60
            np.testing.assert_allclose(pixels[int(y * height), int(x * width)], expected, atol=1)


def test_the_song_is_heard_and_the_playhead_moves_along(page: webdriver.Chrome, music: list[Path]) -> None:
    take(page, music[0])
    find(page, "#taggram").send_keys(" ")
    until(page, lambda: place(page) > 0.3)
    until(page, lambda: playhead(page) > 0.3 / LENGTHS[0] * 100)
    find(page, "#taggram").send_keys(" ")
    assert page.execute_script("return document.getElementById('player').paused")
    until(page, lambda: playhead(page) == pytest.approx(place(page) / LENGTHS[0] * 100, abs=1))


def test_a_click_into_the_taggram_moves_the_song(page: webdriver.Chrome, music: list[Path]) -> None:
    take(page, music[2])
    canvas = find(page, "#taggram-canvas")
    for share in (0.8, 0.3):
        right = round((share - 0.5) * canvas.size["width"])
        webdriver.ActionChains(page).move_to_element_with_offset(canvas, right, 0).click().perform()
        assert place(page) == pytest.approx(share * LENGTHS[2], abs=0.05)
        assert playhead(page) == pytest.approx(100 * share, abs=0.5)
        assert find(page, "#here").text.startswith(f"0:0{int(share * LENGTHS[2])} · ")


def test_what_stands_below_the_taggram_is_most_at_its_place(
    page: webdriver.Chrome, music: list[Path], client: httpx.Client
) -> None:
    take(page, music[2])
    (song,) = client.get("/songs").json()
    timeline = client.get(f"/songs/{song['key']}").json()["first"]["timeline"]
    for keys, window in ((Keys.HOME, 0), (Keys.END, -1)):
        find(page, "#taggram").send_keys(keys)
        most = sorted(timeline["values"], key=lambda tag: -timeline["values"][tag][window])
        assert find(page, "#here").text.split(" · ")[1].split(", ") == most


def test_everything_is_reached_and_done_by_keyboard(page: webdriver.Chrome, music: list[Path]) -> None:
    take(page, *music)
    reached = []
    for _ in range(40):
        webdriver.ActionChains(page).send_keys(Keys.TAB).perform()
        here = page.switch_to.active_element
        reached.append(here.get_attribute("id") or here.get_attribute("aria-label") or here.text)
    wanted = {
        "choose",
        "player",
        "taggram",
        "model-0",
        "model-1",
        "all-tags",
        "filter",
        "by-tag",
        "CSV",
        "save-playlist",
    }
    assert wanted | {"Song", "Length", "Moods", SONGS[1], f"remove {SONGS[1]}"} <= set(reached)
    slider = find(page, "#taggram")
    for key, seconds in ((Keys.ARROW_RIGHT, 5), (Keys.END, 8), (Keys.ARROW_LEFT, 3), (Keys.HOME, 0)):
        slider.send_keys(key)
        assert slider.get_attribute("aria-valuenow") == str(seconds)
        assert slider.get_attribute("aria-valuetext") == f"0:0{seconds}"
        assert place(page) == pytest.approx(seconds, abs=0.1)
    page.find_elements(By.CSS_SELECTOR, "td.song button")[1].send_keys(Keys.ENTER)
    assert find(page, "#song-name").text == SONGS[1]
    assert page.switch_to.active_element.text == SONGS[1], "the focus stays where it was"


def test_another_model_changes_bars_moods_and_taggram_and_two_stand_side_by_side(
    page: webdriver.Chrome, music: list[Path], taggers: dict[str, MusicTagger]
) -> None:
    take(page, music[0])
    first, second = (tagger.tag(music[0]) for tagger in taggers.values())
    assert [option.text for option in Select(find(page, "#model-0")).options] == ["first", SECOND]
    beside = dict(zip(texts(page, "#bars-1 .name"), texts(page, "#bars-1 .value"), strict=True))
    assert list(beside) == [row.tag for row in first.top()], "a tag stands beside itself"
    for tag, value in beside.items():
        assert float(value.split(",")[0]) == pytest.approx(second.percentiles[tag], abs=0.51)
    before = page.execute_script("return document.getElementById('taggram-canvas').toDataURL()")
    Select(find(page, "#model-1")).select_by_visible_text("none")
    assert texts(page, "#bars-1 li") == []
    Select(find(page, "#model-0")).select_by_visible_text(SECOND)
    assert texts(page, "#bars-0 .name") == texts(page, "#taggram-tags li") == [row.tag for row in second.top()]
    assert texts(page, "#bars-0 .decided .name") == texts(page, ".chip") == second.decided != first.decided
    assert page.execute_script("return document.getElementById('taggram-canvas').toDataURL()") != before


def test_a_broken_file_says_why_and_the_page_lives(page: webdriver.Chrome, music: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "<b>cut.flac"
    broken.write_bytes(music[1].read_bytes()[:-9000])
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG")
    find(page, "#files").send_keys("\n".join(map(str, (broken, picture, music[0]))))
    until(page, lambda: find(page, "#count").text == "3 songs, 1 tagged")
    cut, foreign = texts(page, ".failed")
    assert cut.startswith("<b>cut.flac is ")
    assert foreign.startswith("picture.png is not an audio file")
    assert find(page, "#song-name").text == SONGS[0]
    page.find_elements(By.CSS_SELECTOR, "td.away button")[0].click()
    until(page, lambda: find(page, "#count").text == "2 songs, 1 tagged")


def test_progress_is_seen_and_a_song_that_is_removed_is_given_up(page: webdriver.Chrome, tmp_path: Path) -> None:
    long = [tmp_path / f"{number}.flac" for number in range(2)]
    for path in long:
        soundfile.write(path, np.zeros(3000 * 12_000, dtype=np.int16), 12_000)
    find(page, "#files").send_keys("\n".join(map(str, long)))
    until(page, lambda: texts(page, "td.moods .quiet")[1:] == ["waiting"])
    progress = "const bar = document.querySelector('progress'); return bar && bar.value > 0 && [bar.value, bar.max]"
    value, most = until(page, lambda: page.execute_script(progress))
    assert value <= most == 3000
    for left in (1, 0):
        find(page, "td.away button").click()
        until(page, lambda left=left: len(texts(page, "td.song")) == left)
    assert not find(page, "#songs").is_displayed()


def test_the_table_sorts_and_filters(
    page: webdriver.Chrome, music: list[Path], taggers: dict[str, MusicTagger]
) -> None:
    take(page, *music)
    for head, column in (("name", SONGS), ("length", ("2 quiet.flac", SONGS[0], "3 loud.wav")[::-1])):
        for order in (column, column[::-1]):
            find(page, f"[data-sort={head}]").click()
            assert texts(page, "td.song") == list(order)
    assert find(page, "th.length").get_attribute("aria-sort") == "ascending"
    ranks = {path.name: taggers["first"].tag(path).percentiles["dark"] for path in music}
    Select(find(page, "#by-tag")).select_by_visible_text("dark")
    assert texts(page, "td.song") == sorted(ranks, key=lambda name: -ranks[name])
    assert [float(share) for share in texts(page, "td.share")] == pytest.approx(sorted(ranks.values())[::-1], abs=0.51)
    find(page, "#filter").send_keys("QUIET")
    assert texts(page, "td.song") == ["2 quiet.flac"]
    assert find(page, "#count").text == "1 shown of 3 songs, 3 tagged"
    mood = taggers["first"].tag(music[0]).decided[0]
    find(page, "#filter").clear()
    find(page, "#filter").send_keys(mood)
    assert set(texts(page, "td.song")) == {path.name for path in music if mood in taggers["first"].tag(path).decided}


def test_a_table_and_a_playlist_of_what_is_shown_are_taken_along(
    page: webdriver.Chrome, music: list[Path], client: httpx.Client, tmp_path: Path
) -> None:
    take(page, *music)
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    find(page, "[data-sort=length]").click()
    find(page, "#filter").send_keys("o")
    find(page, "#save-playlist").click()
    until(page, (tmp_path / "songs.m3u8").exists)
    shown = ["3 loud.wav", SONGS[0]]  # the longer one first, without the quiet one
    assert texts(page, "td.song") == shown
    assert (tmp_path / "songs.m3u8").read_text(encoding="utf-8") == "\n".join(["#EXTM3U", *shown, ""])
    find(page, ".take a").click()
    until(page, (tmp_path / "tags.csv").exists)
    assert (tmp_path / "tags.csv").read_text(encoding="utf-8") == client.get("/tags.csv").text


def test_after_a_reload_the_songs_are_there_and_only_their_sound_is_missing(
    page: webdriver.Chrome, music: list[Path]
) -> None:
    take(page, *music[:2])
    page.refresh()
    until(page, lambda: find(page, "#song-name").text == SONGS[0])
    assert not find(page, "#player").is_displayed()
    assert find(page, "#no-sound").is_displayed()


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_is_read_in_the_dark(
    page: webdriver.Chrome, music: list[Path], tmp_path: Path, width: int, scheme: str
) -> None:
    emulate(page, width=width, is_phone=width < 500, scheme=scheme)
    broken = tmp_path / ("unbroken" * 9 + ".flac")
    broken.touch()
    find(page, "#files").send_keys("\n".join(map(str, (*music, broken))))
    until(page, lambda: find(page, "#count").text == "4 songs, 3 tagged")
    scrolled, inner = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert scrolled <= inner == width
    count, ratio, text = page.execute_script(CONTRAST)
    assert count > 30
    assert ratio >= 4.5, text


def test_the_taggram_follows_when_the_colour_scheme_changes(page: webdriver.Chrome, music: list[Path]) -> None:
    take(page, music[0])
    drawn = "return document.getElementById('taggram-canvas').toDataURL()"
    light = page.execute_script(drawn)
    emulate(page, scheme="dark")
    until(page, lambda: page.execute_script(drawn) != light)


def test_a_program_that_has_ended_is_said(
    started: webdriver.Chrome, taggers: dict[str, MusicTagger], music: list[Path]
) -> None:
    with served(taggers) as client:
        chrome = refresh(started)
        chrome.get(f"{client.headers['Origin']}/")
        take(chrome, music[0])
    find(chrome, "#files").send_keys(str(music[1]))
    until(chrome, lambda: find(chrome, "#news").text == "The program does not answer: is it still running?")
    assert find(chrome, "#song-name").text == SONGS[0]

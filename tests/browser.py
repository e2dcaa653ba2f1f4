"""Headless Chromium, as a page's tests want it, and what they ask of any page."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and its driver (apt-get install chromium chromium-driver)"
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)
CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => [r, g, b].map((v) => linear(v / 255))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255, 255];
};
const worst = [];
for (const element of document.querySelectorAll("body *")) {
  const style = getComputedStyle(element);
  const isSvg = element.namespaceURI.endsWith("svg");
  const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!says || ["SCRIPT", "STYLE"].includes(element.tagName) || !element.getClientRects().length) continue;
  const [a, b] = [luminance(rgba(isSvg ? style.fill : style.color)), luminance(ground(element))].sort((x, y) => y - x);
  worst.push([(a + 0.05) / (b + 0.05), element.textContent.trim().slice(0, 40)]);
}
worst.sort((x, y) => x[0] - y[0]);
return [worst.length, ...worst[0]];
"""


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with a new profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    try:
        yield chrome
    finally:
        chrome.quit()


def refresh(chrome: webdriver.Chrome) -> webdriver.Chrome:
    """The browser as it is at first: wide, light, with scripts, its logs empty."""
    emulate(chrome)
    chrome.get("about:blank")
    for kind in ("browser", "performance"):
        chrome.get_log(kind)  # reading empties it
    return chrome


def emulate(
    chrome: webdriver.Chrome, *, width: int = 1280, is_phone: bool = False, scheme: str = "light", scripts: bool = True
) -> None:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": is_phone}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    chrome.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {
            "features": [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
        },
    )
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})


def requests(chrome: webdriver.Chrome) -> set[str]:
    """The addresses that were asked for since the log was read last."""
    messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    return {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}


def errors(chrome: webdriver.Chrome) -> list[str]:
    """What the console says since it was read last."""
    return [entry["message"] for entry in chrome.get_log("browser")]

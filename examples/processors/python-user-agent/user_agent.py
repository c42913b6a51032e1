"""What a user agent says of itself: browser, version, system, kind of device, bot."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Agent(NamedTuple):
    """What is known of a user agent. Empty text: nothing."""

    browser: str = ""
    version: str = ""
    os: str = ""
    os_version: str = ""
    device: str = "unknown"
    """`desktop`, `mobile`, `tablet`, `tv`, `bot`, `tool` or `unknown`."""
    bot: str = ""
    """The name that a bot or a tool gives itself."""


# A server sees the same agents again and again.
@lru_cache(maxsize=4096)
def classify(text: str) -> Agent:
    """Says what a user agent is, by the words in it."""
    text = text.strip()
    if not text or text == "-":
        return Agent()
    if found := BOT.search(text):
        return Agent(device="bot", bot=found["name"], version=found["version"] or "")
    if found := TOOL.match(text):
        return Agent(device="tool", bot=found["name"], version=found["version"] or "")
    browser, version = _browser(text)
    os, os_version = _system(text)
    return Agent(browser, version, os, os_version, _device(text, os))


def _browser(text: str) -> tuple[str, str]:
    versions = dict(PRODUCT.findall(text))
    for product, name in BROWSERS:
        if product in versions:
            return name, versions[product]
    if "Safari" in versions and "Version" in versions:
        return ("Android Browser" if "Android" in text else "Safari"), versions["Version"]
    if found := INTERNET_EXPLORER.search(text):
        return "Internet Explorer", found["old"] or found["new"]
    return "", ""


def _system(text: str) -> tuple[str, str]:
    for name, pattern in SYSTEMS:
        if found := pattern.search(text):
            version = (found.groupdict().get("version") or "").replace("_", ".")
            return name, WINDOWS.get(version, version) if name == "Windows" else version
    return "", ""


def _device(text: str, os: str) -> str:
    if TV.search(text):
        return "tv"
    if "iPad" in text or "Tablet" in text or (os == "Android" and "Mobile" not in text):
        return "tablet"
    if "Mobile" in text or os in ("Android", "iOS"):
        return "mobile"
    return "desktop" if os else "unknown"


BOT = re.compile(
    # A bot names itself, mostly by a word that says what it is.
    r"(?P<name>[A-Za-z][\w.-]*(?:bot|crawler|spider|scraper|slurp)\b|[A-Za-z][\w-]*(?:Bot|Crawler|Spider)[\w-]*"
    r"|\b(?:bot|crawler|spider|slurp)\b|facebookexternalhit|HeadlessChrome|Lighthouse)"
    r"(?:[/ ]v?(?P<version>\d[\w.]*))?",
    re.IGNORECASE | re.ASCII,
)
TOOL = re.compile(
    r"(?P<name>curl|Wget|python-requests|Python-urllib|aiohttp|httpx|Go-http-client|okhttp|Java|Apache-HttpClient|axios"
    r"|node-fetch|node|libwww-perl|Ruby|PHP|PostmanRuntime|kube-probe|ELB-HealthChecker|Prometheus|GoogleHC|Dalvik)"
    r"(?:/(?P<version>\d[\w.]*))?(?![\w-])",
    re.ASCII,
)
PRODUCT = re.compile(r"([A-Za-z][\w-]*)/(\d[\w.]*)", re.ASCII)

# Most browsers name those that they descend from as well: the youngest first.
BROWSERS = (
    ("Edg", "Edge"),
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("Edge", "Edge"),
    ("OPR", "Opera"),
    ("OPiOS", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("YaBrowser", "Yandex"),
    ("Vivaldi", "Vivaldi"),
    ("UCBrowser", "UC Browser"),
    ("MicroMessenger", "WeChat"),
    ("MQQBrowser", "QQ Browser"),
    ("QQBrowser", "QQ Browser"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
)
INTERNET_EXPLORER = re.compile(r"MSIE (?P<old>\d[\d.]*)|Trident/.*\brv:(?P<new>\d[\d.]*)")

SYSTEMS = (
    ("Windows Phone", re.compile(r"Windows Phone(?: OS)? (?P<version>[\d.]+)")),
    ("Windows", re.compile(r"Windows(?: NT (?P<version>[\d.]+))?")),
    ("iOS", re.compile(r"(?:iPhone|iPad|iPod)(?:.*? OS (?P<version>[\d_]+))?")),
    ("HarmonyOS", re.compile(r"(?:HarmonyOS|OpenHarmony)(?: (?P<version>[\d.]+))?")),
    ("Android", re.compile(r"Android(?: (?P<version>[\d.]+))?")),
    ("macOS", re.compile(r"Mac(?: OS X|intosh)(?:.*?Mac OS X)?(?: (?P<version>[\d_.]+))?")),
    ("ChromeOS", re.compile(r"CrOS \S+ (?P<version>[\d.]+)")),
    ("Tizen", re.compile(r"Tizen(?: (?P<version>[\d.]+))?")),
    ("Linux", re.compile(r"Linux|X11")),
)
WINDOWS = {"10.0": "10", "6.3": "8.1", "6.2": "8", "6.1": "7", "6.0": "Vista", "5.1": "XP"}
TV = re.compile(r"Smart-?TV|\bTV\b|AppleTV|GoogleTV|BRAVIA|CrKey|Roku|AFT[A-Z]\b", re.IGNORECASE)

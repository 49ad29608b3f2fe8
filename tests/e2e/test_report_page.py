"""The page of a report in a real browser: Chromium draws it, axe-core looks for what keeps people
out, and nothing that a customer wrote runs."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import tarfile
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from bot.reports.rendering import as_html
from bot.reports.report import report
from bot.store.cohort import Period
from tests.reports.conftest import (
    UNTIL,
    bot,
    customer,
    demo_at,
    entry,
    material,
    report_of,
    talk,
    unknown,
)

pytestmark = pytest.mark.page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NARROWEST = 500
"""Pixels of a window of Chromium."""
PATIENCE = 120
"""Seconds for one look at a page."""
AXE = "axe-core@4.10.3"
AXE_SHA256 = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"
BUILD = Path(__file__).parents[2] / "build" / "axe"
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
LIGHT, DARK = (), ("--blink-settings=preferredColorScheme=0",)
MEASURE = """
<script>
document.querySelectorAll("details").forEach(one => { one.open = true; });
const page = document.documentElement;
const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
parent.document.body.dataset.told = JSON.stringify({
  inner: innerWidth, width: page.scrollWidth, isDark,
  outside: [...document.querySelectorAll("main *")].filter(
    one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".wide")
  ).map(one => one.outerHTML.slice(0, 80)),
});
</script>
"""
RUN_AXE = """
<script>
document.querySelectorAll("details").forEach(one => { one.open = true; });
axe.run({resultTypes: ["violations"]}).then(found => {
  parent.document.body.dataset.told = JSON.stringify(found.violations.map(one => ({
    id: one.id, impact: one.impact, nodes: one.nodes.map(node => node.html.slice(0, 120)),
  })));
});
</script>
"""
PAYLOADS = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "<svg onload=\"document.title='owned'\">",
    "</title></style><script>document.title='owned'</script>",
]

Browse = Callable[..., str]


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Browse:
    """Opens a page and gives what the browser printed."""
    found = [path for path in map(shutil.which, BROWSERS) if path]
    assert found, "no browser: install chromium, this test looks at the page of a report in one"
    profile = tmp_path_factory.mktemp("profile")

    def run(page: Path, *options: str, size: tuple[int, int] = (1280, 900)) -> str:
        width, height = size
        command = [
            *(found[0], "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={profile}", f"--window-size={width},{height}", *options),
            page.as_uri(),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        return ran.stdout

    return run


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the last month of the demo, beside the one before."""
    demo = demo_at(tmp_path_factory.mktemp("demo"))
    made = report_of(demo, Period(UNTIL - timedelta(days=30), UNTIL))
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(as_html(made), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words without an end, many languages, large numbers."""
    endless = "Donaudampfschifffahrt" * 12
    talks = [
        talk(customer(f"https://example.com/{endless}?{n}", -0.9), bot(page=endless))
        for n in range(5)
    ]
    for n, language in enumerate(("de", "en", "es", "fr", "it", "ja", "nl", "pt", "zh")):
        talks.append(talk(customer(f"{endless}?", -0.8, language), unknown(), who=f"c{n}"))
    file = tmp_path_factory.mktemp("crowded") / "report.html"
    file.write_text(as_html(report(material([entry(one) for one in talks]))), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def axe() -> str:
    """The script, from npm; kept in build/axe."""
    script = BUILD / "axe.min.js"
    if not script.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", AXE], cwd=BUILD, timeout=PATIENCE, check=True)
        (packed,) = BUILD.glob("axe-core-*.tgz")
        with tarfile.open(packed) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            script.write_bytes(member.read())
    assert hashlib.sha256(script.read_bytes()).hexdigest() == AXE_SHA256
    return f"<script>{script.read_text(encoding='utf-8')}</script>"


def with_scripts(page: Path, *scripts: str) -> Path:
    """A copy that may run them."""
    text = page.read_text(encoding="utf-8")
    assert POLICY in text
    copy = page.with_name("copy.html")
    ending = "".join(scripts) + "</body>"
    copy.write_text(text.replace(POLICY, "").replace("</body>", ending), encoding="utf-8")
    return copy


def at_width(page: Path, width: int) -> Path:
    """In a frame, where Chromium makes no window as narrow."""
    if width >= NARROWEST:
        return page
    host = page.with_name("host.html")
    content = escape(page.read_text(encoding="utf-8"))
    style = f"border: 0; display: block; width: {width}px; height: 100vh"
    host.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>host</title>'
        f'<body style="margin: 0"><iframe style="{style}" srcdoc="{content}"></iframe>',
        encoding="utf-8",
    )
    return host


def told(dom: str) -> Any:
    body = BeautifulSoup(dom, "html.parser").body
    assert body is not None
    return json.loads(str(body["data-told"]))


def title(dom: str) -> str:
    found = BeautifulSoup(dom, "html.parser").title
    assert found is not None
    return found.get_text()


def picture(file: Path) -> tuple[int, int, int]:
    """Its width, its height, and how many different bytes its rows are made of."""
    data = file.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, packed = 8, b""
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        if data[place + 4 : place + 8] == b"IDAT":
            packed += data[place + 8 : place + 8 + length]
        place += length + 12
    width, height = struct.unpack(">II", data[16:24])
    return width, height, len(set(zlib.decompress(packed)))


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 430])
def test_it_is_drawn(
    browse: Browse, page: Path, tmp_path: Path, width: int, look: Sequence[str]
) -> None:
    file = tmp_path / "page.png"
    browse(at_width(page, width), f"--screenshot={file}", *look, size=(width, 3000))
    drawn = picture(file)
    assert drawn[:2] == (width, 3000)
    assert drawn[2] > 100, "a page that is blank has a handful"
    assert file.stat().st_size > 50_000


def test_it_is_printed(browse: Browse, page: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    browse(page, f"--print-to-pdf={file}", "--no-pdf-header-footer")
    printed = PdfReader(file)
    assert 2 <= len(printed.pages) <= 15
    text = [unicodedata.normalize("NFKC", one.extract_text()) for one in printed.pages]
    assert "what customers asked" in text[0]
    assert "Every figure" in " ".join(text)
    assert all(one.strip() for one in text), "no page is blank"


@pytest.mark.parametrize(
    ("which", "width"),
    [
        ("page", 1280),
        ("page", 760),
        ("page", 430),
        ("page", 320),
        ("crowded", 1280),
        ("crowded", 760),
        ("crowded", 430),
        ("crowded", 320),
    ],
)
def test_nothing_is_wider_than_the_window(
    browse: Browse, request: pytest.FixtureRequest, which: str, width: int
) -> None:
    copy = with_scripts(request.getfixturevalue(which), MEASURE)
    found = told(browse(at_width(copy, width), "--dump-dom", size=(width, 900)))
    assert found == {"inner": width, "width": width, "isDark": False, "outside": []}


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 430])
@pytest.mark.parametrize("which", ["page", "crowded"])
def test_axe_finds_nothing_serious(
    browse: Browse,
    request: pytest.FixtureRequest,
    axe: str,
    which: str,
    width: int,
    look: Sequence[str],
) -> None:
    copy = with_scripts(request.getfixturevalue(which), axe, RUN_AXE)
    options = ("--dump-dom", "--virtual-time-budget=20000", *look)
    found = told(browse(at_width(copy, width), *options, size=(width, 900)))
    assert [one for one in found if one["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_a_customer_wrote_does_not_run(browse: Browse, tmp_path: Path, payload: str) -> None:
    talks = [talk(customer(payload, -0.4), bot(payload, page=payload), who=payload)]
    talks += [talk(customer(f"{payload}?", -0.9), unknown(), who=f"{payload}{n}") for n in "ab"]
    file = tmp_path / "report.html"
    file.write_text(as_html(report(material([entry(one) for one in talks]))), encoding="utf-8")
    dom = browse(file, "--dump-dom", "--virtual-time-budget=2000")
    assert title(dom) == "Lantern & Loom: conversations from 1 May 2026 to 31 May 2026"
    assert "owned" in dom, "it stands there as text"


@pytest.mark.parametrize("payload", PAYLOADS[:3])
def test_and_would_not_where_it_stood_there_as_it_is(
    browse: Browse, page: Path, tmp_path: Path, payload: str
) -> None:
    """The policy of the page holds; without it, all of these run."""
    file = tmp_path / "report.html"
    text = page.read_text(encoding="utf-8").replace("</h1>", f"</h1>{payload}")
    for content, is_owned in ((text, False), (text.replace(POLICY, ""), True)):
        file.write_text(content, encoding="utf-8")
        dom = browse(file, "--dump-dom", "--virtual-time-budget=2000")
        assert (title(dom) == "owned") is is_owned

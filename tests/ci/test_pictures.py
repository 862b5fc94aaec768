"""The pictures of the README: they are there and small, and docs/images/make still makes the terminal from the real program."""

import re
import runpy
import xml.etree.ElementTree as ElementTree

from harness import ROOT, read

IMAGES = ROOT / "docs/images"


def test_files():
    """What the README shows is there, in light and dark, and takes little of a reader's time."""
    shown = set(re.findall(r"docs/images/([\w.-]+)", read("README.md")))
    assert shown == {"run-light.svg", "run-dark.svg", "summary-light.png", "summary-dark.png"}
    assert shown == {path.name for path in IMAGES.iterdir()} - {"make"}
    assert all((IMAGES / name).stat().st_size < 64 * 1024 for name in shown)


def words(text):
    """The rows of the terminal, without what a busy machine changes."""
    assert not re.search(r"(?i)<script|<image|href|url\((?!#screen)|127\.0\.0\.1:(?!8787)|\x1b", text), "loads something, or names a port"
    rows = ["".join(row.itertext()) for row in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    return [re.sub(r"\d+\.\ds|\d+ polls?", "N", row) for row in rows]


def test_terminal():
    """Both deployments are in it, without an id or a port of this run, and the committed one shows what the program prints today."""
    make = runpy.run_path(str(IMAGES / "make"))
    now = words(make["svg"](make["COLOURS"]["dark"], *make["frames"]()))
    assert any("succeeded after" in row for row in now) and any("failed after" in row for row in now)
    fixed = [row for row in now if "Triggered deployment" in row or "Deploying sandbox" in row]
    for name in make["COLOURS"]:
        assert set(fixed) <= set(words(read(f"docs/images/run-{name}.svg"))), "run docs/images/make"

"""What the gates measure: boxes, accessibility, shifts and codes, on an open page."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy
import zxingcpp
from PIL import Image
from pyzbar import pyzbar  # type: ignore[import-untyped]  # ships no types

from tests.nodes import install

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

# Boxes that stick out of their parent, or of the window. axe sees none of these.
OVERFLOWING = """
() => {
  const widget = document.querySelector("donation-widget");
  const root = widget.shadowRoot ?? widget;
  return [...root.querySelectorAll(".card, .card *")].filter((node) => {
    const box = node.getBoundingClientRect();
    const outer = (node.parentElement ?? widget).getBoundingClientRect();
    const shown = box.width > 2 && outer.width > 2;
    const right = Math.min(outer.right + 1, innerWidth);
    const wide = node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 2;
    const spills = wide && getComputedStyle(node).display != "inline";
    return shown && (box.right > right || box.left < outer.left - 1 || spills);
  }).map((node) => node.outerHTML.slice(0, 99));
}
"""
# WCAG 2.0 to 2.2 at levels A and AA, and axe's own advice; what axe cannot decide counts as found.
# One finding is false: in forced colours axe takes the text of a button for the author's colour,
# which it has on no screen, so the colours that are shown are compared instead.
_AXE = """
async () => {
  const found = await axe.run(document.querySelector("donation-widget"));
  const numbers = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (text) => numbers(text).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [.2126, .7152, .0722][i], .05);
  const clear = (node) => {
    const style = getComputedStyle(node);
    const [low, high] = [light(style.color), light(style.backgroundColor)].sort((a, b) => a - b);
    return numbers(style.backgroundColor)[3] !== 0 && high / low >= 4.5;
  };
  const find = (target) => target.flat().reduce(
    (root, selector) => (root.shadowRoot ?? root).querySelector(selector), document);
  if (matchMedia("(forced-colors: active)").matches) {
    for (const rule of [...found.violations, ...found.incomplete]) {
      if (rule.id !== "color-contrast") continue;
      rule.nodes = rule.nodes.filter((each) => {
        const node = find(each.target);
        return !(node.matches(".copy, .more") && clear(node));
      });
    }
    found.violations = found.violations.filter((rule) => rule.nodes.length);
    found.incomplete = found.incomplete.filter((rule) => rule.nodes.length);
  }
  return [...found.violations, ...found.incomplete].map(
    (rule) => `${rule.id}: ${rule.nodes[0].html.slice(0, 120)} ${rule.nodes[0].failureSummary}`);
}
"""
WATCH_SHIFTS = """window.shift = 0; new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.shift += each.value;
}).observe({ type: "layout-shift", buffered: true });"""
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@cache
def _axe() -> str:
    return install.axe().read_text(encoding="utf-8")


async def barriers(page: Page) -> list[str]:
    """What axe finds in the widget of an open page."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    found: list[str] = await page.evaluate(_AXE)
    return found


async def overflowing(page: Page) -> list[str]:
    """The boxes of the widget that do not fit."""
    found: list[str] = await page.evaluate(OVERFLOWING)
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page scrolls sideways")
    return found


async def read(code: Locator) -> dict[str, list[str]]:
    """What three decoders read from a code as it is on the screen."""
    picture = Image.open(io.BytesIO(await code.screenshot(scale="device"))).convert("L")
    pixels = numpy.asarray(picture)
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(pixels)
    return {
        "zxing-cpp": [found.text for found in zxingcpp.read_barcodes(picture)],
        "zbar": [found.data.decode() for found in pyzbar.decode(picture)],
        "OpenCV": [text],
    }

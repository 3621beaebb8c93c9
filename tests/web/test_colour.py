"""Accent colours: legible on both papers, changed no further than that, and said when changed."""

from __future__ import annotations

import logging
import random
import re

import pytest

from donations.web.assets import load_assets
from donations.web.colour import (
    DARK_PAPER,
    LIGHT_PAPER,
    TEXT_CONTRAST,
    contrast,
    legible,
    themed,
)
from donations.web.publisher import Publisher
from tests.web.samples import snapshot


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        # WCAG 2.2, "contrast ratio": black on white is 21, a colour on itself 1; #767676 is the
        # lightest grey that passes 4.5 on white.
        ("#000000", "#ffffff", 21),
        ("#123456", "#123456", 1),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
    ],
)
def test_contrast_is_the_one_of_wcag(one: str, other: str, ratio: float) -> None:
    """Known pairs have their known contrast, in either order."""
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


def test_any_colour_becomes_legible_on_both_papers(seed: int) -> None:
    """Whatever an author chooses can be read on both, and what can be read is left alone."""
    chance = random.Random(seed)
    some = [f"#{chance.randrange(1 << 24):06x}" for _ in range(500)]
    for colour in ("#000000", "#ffffff", "#ffff00", "#0000ff", "#777777", *some):
        for paper in (LIGHT_PAPER, DARK_PAPER):
            shade = legible(colour, paper)
            assert contrast(shade, paper) >= TEXT_CONTRAST
            if contrast(colour, paper) >= TEXT_CONTRAST:
                assert shade == colour


def test_our_own_accent_needs_no_correction() -> None:
    """The default pair is legible as it stands."""
    own = re.search(r"--a,light-dark\((#\w+),(#\w+)\)", load_assets().style)
    assert own is not None
    light, dark = own.groups()
    assert legible(light, LIGHT_PAPER) == light
    assert legible(dark, DARK_PAPER) == dark


def test_a_correction_is_in_the_log_and_in_every_form(caplog: pytest.LogCaptureFixture) -> None:
    """A yellow accent is darkened for white paper: a warning names both, all forms show it."""
    with caplog.at_level(logging.WARNING):
        publisher = Publisher(load_assets(), languages=("fr",), accent="#ffd000")
    shade = legible("#ffd000", LIGHT_PAPER)
    (record,) = caplog.records
    assert "#ffd000" in record.getMessage()
    assert shade in record.getMessage()
    publisher.publish(snapshot())
    for path in ("/", "/frame", "/fragment", "/card", "/compact"):
        prepared = publisher.find(path)
        assert prepared is not None
        assert themed("#ffd000") in prepared.bodies["identity"].decode()


def test_a_good_accent_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """A grey in the middle can be read on both papers, and nothing is said."""
    with caplog.at_level(logging.WARNING):
        Publisher(load_assets(), languages=("fr",), accent="#757575")
    assert [r for r in caplog.records if "light" in r.getMessage()] == []

"""Narratives: what FHIR allows is kept, everything active is refused."""

from __future__ import annotations

import pytest

from shared.domain.fhir.narrative import is_safe_narrative

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


@pytest.mark.parametrize(
    "inside",
    [
        "plain text",
        "<p>a <b>bold</b> word &amp; <br/>",
        '<a href="https://example.org/x?y=z">link</a>',
        '<a href="#part">link</a><a name="part"/>',
        '<img src="data:image/png;base64,AAAA" alt="x"/>',
        '<table border="1"><tr><td colspan="2" style="color: red">1 &lt; 2</td></tr></table>',
        "<!-- a comment -->",
    ],
)
def test_accepts_formatting_images_and_links(inside: str) -> None:
    assert is_safe_narrative(f"<div {XHTML}>{inside}</div>")


@pytest.mark.parametrize(
    "inside",
    [
        "<script>x</script>",
        "<SCRIPT>x</SCRIPT>",
        '<svg/onload="x">',
        '<img src="x"onerror="y">',
        '<p onclick="x">y</p>',
        '<a href="javascript:x">y</a>',
        '<a href="jav&#x61;script:x">y</a>',
        '<a href=" java\tscript:x">y</a>',
        '<img src="data:image/svg+xml;base64,AAAA"/>',
        '<a href="data:text/html,x">y</a>',
        '<meta http-equiv="refresh" content="0;url=x"/>',
        "<iframe/>",
        "<form/>",
        '<p style="background: url(x)">y</p>',
        "<!DOCTYPE html>",
        "<?php x ?>",
    ],
)
def test_refuses_what_is_active_however_it_is_written(inside: str) -> None:
    assert not is_safe_narrative(f"<div {XHTML}>{inside}</div>")


@pytest.mark.parametrize("text", ["", "no markup at all", "<p>not a div</p>", "<b><div>x</div></b>"])
def test_refuses_what_is_not_a_div(text: str) -> None:
    assert not is_safe_narrative(text)

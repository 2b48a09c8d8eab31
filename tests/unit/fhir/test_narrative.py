"""Narratives: what FHIR allows is kept, everything active is refused."""

from __future__ import annotations

import pytest

from shared.domain.fhir.narrative import is_safe_narrative

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


@pytest.mark.parametrize(
    "inside",
    [
        "plain text",
        "<p>a <b>bold</b> word &amp; <br/></p>",
        '<a href="https://example.org/x?y=z">link</a>',
        '<a href="#part">link</a><a name="part"/>',
        '<img src="data:image/png;base64,AAAA" alt="x"/>',
        '<table border="1"><tr><td colspan="2" style="color: red">1 &lt; 2</td></tr></table>',
        "text <!-- and a comment -->",
        "<![CDATA[1 < 2]]>",
        "<p style=\"margin: 0 /* none */; font-family: 'A\\'s'\">a comment and an escape</p>",
        '<p style="background-image: url(tbl_bck.png)">a line drawn by HL7\'s publisher</p>',
        '<p style="background: white url(data: image/png;base64,AAAA)">and one within</p>',
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
        '<p style="background: url(https://example.org/x.png)">y</p>',
        '<p style="background: url( //example.org/x.png)">y</p>',
        """<p style="background: url('data:image/svg+xml,x')">y</p>""",
        "<!DOCTYPE html>",
        "<?php x ?>",
        "text <!--><img src=x onerror=y>-->",
        "text <!---><img src=x onerror=y>-->",
        "text <!--[if IE]><script>x</script><![endif]-->",
        "text <![CDATA[><img src=x onerror=y>]]>",
        "<pre><![CDATA[</pre><script>x</script>]]></pre>",
        r'<p style="background: \75 rl(https://example.org/x.png)">y</p>',
        r'<p style="background: url(\2f\2f example.org/x.png)">y</p>',
        r'<p style="background: url(\\\\example.org/x.png)">y</p>',
        """<p style="background-image: image-set('https://example.org/x.png' 1x)">y</p>""",
        '<p style="width: exp/**/ression(x)">y</p>',
        '<p style="-moz-binding: url(x.xml#y)">y</p>',
        """<p style="a: '/*'; background: url(https://example.org/x.png); b: '*/'">y</p>""",
    ],
)
def test_refuses_what_is_active_however_it_is_written(inside: str) -> None:
    assert not is_safe_narrative(f"<div {XHTML}>{inside}</div>")


@pytest.mark.parametrize("text", ["", "no markup at all", "<p>not a div</p>", "<b><div>x</div></b>"])
def test_refuses_what_is_not_a_div(text: str) -> None:
    assert not is_safe_narrative(text)


@pytest.mark.parametrize(
    "div",
    [
        f"<div {XHTML}><p>not closed</div>",
        f"<div {XHTML}><p class=bare>not quoted</p></div>",
        f"<div {XHTML}>a & b</div>",
        f"<div {XHTML}>a&nbsp;b</div>",
        f"<div {XHTML}>one</div><div {XHTML}>two</div>",
        "<div>without its namespace</div>",
        f'<div {XHTML}><x:p xmlns:x="urn:other">foreign</x:p></div>',
    ],
)
def test_refuses_what_is_not_one_well_formed_xhtml_element(div: str) -> None:
    assert not is_safe_narrative(div)


@pytest.mark.parametrize("inside", ["", "  ", "<p/>", "<!-- nothing to read -->"])
def test_refuses_a_narrative_without_content(inside: str) -> None:
    assert not is_safe_narrative(f"<div {XHTML}>{inside}</div>")


def test_an_entity_bomb_is_refused_unread() -> None:
    bomb = (
        '<!DOCTYPE b [<!ENTITY a "'
        + "x" * 1000
        + '">'
        + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "&a;" * 10}">' for n in range(30))
    )
    assert not is_safe_narrative(bomb + f"]><div {XHTML}>&a29;</div>")


@pytest.mark.parametrize(
    "inside",
    [
        "<p>a <table><tr><td>b</td></tr></table></p>",
        "<p>a <p>b</p></p>",
        "<b>a <b>b</b></b>",
        "<table>text</table>",
        "<table><td>a</td></table>",
        "<tr><td>a</td></tr>",
        "<ul><p>a</p></ul>",
        "<ul>text</ul>",
        "<li>a</li>",
        "<br>a</br>",
        "<h1>a <ul><li>b</li></ul></h1>",
        '<p bgcolor="red">a</p>',
    ],
)
def test_refuses_elements_where_they_may_not_stand(inside: str) -> None:
    assert not is_safe_narrative(f"<div {XHTML}>{inside}</div>")


@pytest.mark.parametrize(
    "inside",
    [
        "<table> <caption>a</caption> <col/> <tbody> <tr> <th>b</th> <td>c</td> </tr> </tbody></table>",
        "<table><tr><td><table><tr><td>c</td></tr></table></td></tr></table>",
        "<ul><li>a <ul><li>b</li></ul> <p>c <b>d <i>e</i></b></p></li></ul>",
        "<dl><dt>a</dt><dd>b</dd></dl><blockquote><p>c</p></blockquote>",
    ],
)
def test_accepts_tables_and_lists_that_are_nested_well(inside: str) -> None:
    assert is_safe_narrative(f"<div {XHTML}>{inside}</div>")


@pytest.mark.parametrize("address", ["", "http://a.b/c d", "http://a.b/{c}", "http://a.b/&quot;c", r"a\b"])
def test_refuses_links_and_images_whose_address_is_no_url(address: str) -> None:
    assert not is_safe_narrative(f'<div {XHTML}><a href="{address}">x</a></div>')
    assert not is_safe_narrative(f'<div {XHTML}><img src="{address}" alt="x"/></div>')


def test_accepts_addresses_with_letters_and_signs_of_urls() -> None:
    assert is_safe_narrative(f"<div {XHTML}><a href=\"https://a.b/ç?d=(e)%20f&amp;g='h'|i#j\">x</a></div>")

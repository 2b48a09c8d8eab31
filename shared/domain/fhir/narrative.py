"""Whether a narrative's XHTML is well formed and holds only what FHIR allows: formatting, images and links, nothing active.

https://hl7.org/fhir/R4/narrative.html#security and invariants txt-1, txt-2. An allow-list: what is not on it is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final
from xml.parsers import expat

import msgspec

XHTML: Final = "http://www.w3.org/1999/xhtml"

_ELEMENTS: Final = frozenset(
    """
    a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em
    h1 h2 h3 h4 h5 h6
    hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
    """.split()  # noqa: SIM905
)
_ATTRIBUTES: Final = frozenset(
    """
    abbr accesskey align axis char charoff class colspan dir headers id idref lang rowspan scope span style tabindex
    title valign width xml:id xml:lang xml:space
    """.split()  # noqa: SIM905
)
_OWN_ATTRIBUTES: Final[dict[str, frozenset[str]]] = {
    name: frozenset(attributes.split())
    for name, attributes in {
        "a": "charset coords href hreflang name rel rev shape type",
        "area": "alt coords href nohref shape",
        "blockquote": "cite",
        "img": "alt border height ismap longdesc src usemap",
        "map": "name",
        "pre": "space",
        "q": "cite",
        "table": "border cellpadding cellspacing frame rules summary",
        "td": "nowrap",
    }.items()
}
_CHILDREN: Final[dict[str, frozenset[str]]] = {
    name: frozenset(children.split())
    for name, children in {
        "table": "caption col colgroup tbody tfoot thead tr",
        "thead": "tr",
        "tbody": "tr",
        "tfoot": "tr",
        "tr": "td th",
        "ul": "li",
        "ol": "li",
        "dl": "dd dt",
        "map": "area",
        "br": "",
        "hr": "",
        "img": "",
        "area": "",
    }.items()
}
"""What these elements hold, and nothing else, no text either: https://www.w3.org/TR/xhtml1/dtds.html, strict."""
_PARENTS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(parents.split())
    for name, parents in {
        "caption": "table",
        "col": "colgroup table",
        "colgroup": "table",
        "thead": "table",
        "tbody": "table",
        "tfoot": "table",
        "tr": "table tbody tfoot thead",
        "td": "tr",
        "th": "tr",
        "li": "ol ul",
        "dd": "dl",
        "dt": "dl",
    }.items()
}
_INLINE: Final = frozenset(
    """
    a abbr acronym b bdo big cite code dfn em i kbd q samp small strong sub sup tt var
    """.split()  # noqa: SIM905
)
"""None of these is in one of its own name."""
_TEXTUAL: Final = _INLINE | frozenset(
    """
    address caption dd dt h1 h2 h3 h4 h5 h6 p pre span
    """.split()  # noqa: SIM905
)
_BLOCKS: Final = frozenset({"div", "ol", "pre", "table", "ul"})
_BLOCKS_IN_P: Final = _BLOCKS | {"blockquote", "p"}
_ADDRESSES: Final = frozenset({"href", "src", "cite", "longdesc", "usemap"})
_LINKS: Final = frozenset({("a", "href"), ("img", "src")})
_NO_ADDRESS: Final = re.compile(r"[^\w;?:@&=+$.,/%\-~#\[\]!'()*|]")
"""What stands in no URL: spaces, quotes, braces, brackets of tags, the backslash. Letters beyond ASCII are taken."""
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_SAFE_SCHEMES: Final = frozenset({"http", "https", "ftp", "mailto", "tel", "sms", "urn"})
"""A `urn:` names an entry of the same bundle; a browser does nothing with it."""
_SAFE_DATA: Final = re.compile(r"data:image/(png|gif|jpe?g|webp)[;,]", re.IGNORECASE)
_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\ufeff]")
_ACTIVE_STYLE: Final = re.compile(
    r"expression|javascript|behavior|-moz-binding|@import|(?:image|image-set|src)\("
    r"|url\(['\"]?(?:[^)]{0,40}://|[/\\]{2}|(?!data:image/(?:png|gif|jpe?g|webp)[;,])[a-z][a-z0-9+.\-]{0,20}:)",
    re.IGNORECASE,
)
"""HL7's publisher draws its tables with images beside the page or within it; nothing is fetched from elsewhere."""
_STYLE_ESCAPE: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_STYLE_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_LAST_CHARACTER: Final = 0x10FFFF
_ENDS_IN_HTML: Final = (">", "->", "[if")
"""A comment that begins so ends at once for an HTML parser, or is read by old browsers: what follows would be markup."""
_XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"
_UNDEFINED_ENTITY: Final = 11


class NarrativeFault(msgspec.Struct, frozen=True):
    """What is wrong with a narrative: `rule` is the invariant or a stable name, `text` for a person and without content."""

    rule: str
    text: str


class Narrative(msgspec.Struct):
    """What one reading of a `div` found: its faults, each once, the names it defines and the local names it links to."""

    faults: dict[str, NarrativeFault] = msgspec.field(default_factory=dict)
    names: set[str] = msgspec.field(default_factory=set)
    local_links: list[str] = msgspec.field(default_factory=list)

    def fault(self, rule: str, text: str) -> None:
        self.faults.setdefault(text, NarrativeFault(rule, text))


_MAX_RECENT: Final = 8
_WORTH_KEEPING: Final = range(2_000, 1_000_000)
_recent: Final[dict[bytes, Narrative]] = {}


def read_narrative(div: str) -> Narrative:
    """Reads the whole of `div`. Time and memory are linear in its length: entities are never expanded.

    What was found in the last few long ones is kept: a wrong resource is read more than once.
    """
    if len(div) not in _WORTH_KEEPING:
        return _read(div)
    from hashlib import blake2b

    digest = blake2b(div.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    found = _recent.get(digest)
    if found is None:
        found = _read(div)
        if len(_recent) >= _MAX_RECENT:
            _recent.clear()
        _recent[digest] = found
    return found


def _read(div: str) -> Narrative:
    reader = _Reader()
    reader.read(div)
    return reader.found


def is_safe_narrative(div: str) -> bool:
    """Whether `div` is one `<div>` of allowed elements and attributes, without scripts, forms, frames or active links."""
    return not read_narrative(div).faults


class _Stopped(Exception):
    """A document type may define entities: nothing behind it is read."""


class _Reader:
    """An expat parser whose events are held against the lists."""

    def __init__(self) -> None:
        self.found = Narrative()
        self._open: list[str] = []
        self._around: Counter[str] = Counter()
        self._has_content = False
        self._in_cdata = False
        # An encoding that an XML declaration names is overruled: the text is characters already.
        parser = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.StartCdataSectionHandler = self._cdata
        parser.EndCdataSectionHandler = self._cdata_end
        parser.ProcessingInstructionHandler = self._instruction
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser

    def read(self, div: str) -> None:
        try:
            self._parser.Parse(div.encode("utf-8", "surrogatepass"), True)
        except _Stopped:
            return
        except expat.ExpatError as failure:
            self._not_xml(failure)
            return
        if not self._has_content:
            self.found.fault("txt-2", "A narrative must hold some text or an image.")

    def _not_xml(self, failure: expat.ExpatError) -> None:
        if failure.code == _UNDEFINED_ENTITY:
            text = "XHTML in FHIR has no HTML entities such as &nbsp;: write the character or &#160;."
        else:
            text = "A narrative must be well-formed XML: one div, each tag closed, each attribute quoted, & as &amp;."
        self.found.fault("narrative-xml", text)

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        namespace, rest = _split(qualified)
        is_root = not self._open
        if is_root and (rest != "div" or namespace not in (XHTML, "")):
            self.found.fault("narrative-div", "A narrative is one div element in the XHTML namespace.")
        if namespace not in (XHTML, ""):
            self.found.fault(
                "narrative-namespace", f"All elements of a narrative are of the namespace {XHTML}."
            )
        elif is_root and namespace != XHTML:
            self.found.fault("narrative-namespace", f'The div of a narrative must say xmlns="{XHTML}".')
        if rest not in _ELEMENTS:
            self.found.fault(
                "txt-1",
                "A narrative may hold formatting, tables, lists, images and links only: no other elements, no scripts.",
            )
        self._place(rest)
        self._open.append(rest)
        self._around[rest] += 1
        if rest == "img":
            self._has_content = True
        for name, value in attributes.items():
            self._attribute(rest, _attribute_name(name), value)

    def _place(self, name: str) -> None:
        """Whether an element may stand where it does."""
        parent = self._open[-1] if self._open else ""
        around = self._around
        if name not in _CHILDREN.get(parent, (name,)) or (name in _PARENTS and parent not in _PARENTS[name]):
            self._misplaced(
                "Rows, cells, items and captions stand in their tables and lists, and nothing else does."
            )
        if name in _INLINE and around[name]:
            self._misplaced("An element such as a or b does not hold another of its kind.")
        if (name in _BLOCKS_IN_P and around["p"]) or (
            name in _BLOCKS and any(around[each] for each in _TEXTUAL)
        ):
            self._misplaced("Paragraphs, headings and inline elements hold no tables, lists or other blocks.")

    def _misplaced(self, text: str) -> None:
        self.found.fault("narrative-structure", text)

    def _attribute(self, element: str, name: str, value: str) -> None:
        if name not in _ATTRIBUTES and name not in _OWN_ATTRIBUTES.get(element, ()):
            self.found.fault(
                "txt-1",
                "A narrative's elements may have attributes of formatting and linking only: no events.",
            )
        if name == "id" or (name == "name" and element in ("a", "map")):
            self.found.names.add(value)
        elif name == "style" and _is_active(value):
            self.found.fault("narrative-active", "A style in a narrative must not load or run anything.")
        elif name in _ADDRESSES:
            self._address(value, is_link=(element, name) in _LINKS)

    def _address(self, value: str, *, is_link: bool) -> None:
        address = _INVISIBLE.sub("", value)
        scheme = _SCHEME.match(address)
        if scheme and scheme[1].lower() not in _SAFE_SCHEMES and not _SAFE_DATA.match(address):
            text = "A link in a narrative is http, https, mailto, tel, sms or ftp, or an embedded image: nothing else opens."
            self.found.fault("narrative-scheme", text)
        elif is_link and (not value or (_NO_ADDRESS.search(value) and not value.startswith("data:"))):
            text = "A link or image in a narrative has a URL: not empty, and spaces and quotes written as %20 and %22."
            self.found.fault("narrative-url", text)
        elif is_link and value.startswith("#") and len(value) > 1:
            self.found.local_links.append(value[1:])

    def _end(self, _: str) -> None:
        self._around[self._open.pop()] -= 1

    def _comment(self, data: str) -> None:
        if data.lower().startswith(_ENDS_IN_HTML):
            self._unlike_html()

    def _cdata(self) -> None:
        self._in_cdata = True

    def _cdata_end(self) -> None:
        self._in_cdata = False

    def _unlike_html(self) -> None:
        text = "A narrative must not hide markup in a comment or a CDATA section: browsers that read it as HTML run it."
        self.found.fault("narrative-active", text)

    def _text(self, data: str) -> None:
        if self._in_cdata and ">" in data:
            self._unlike_html()  # for an HTML parser the section ends at the first of them
        if data.strip():
            self._has_content = True
            if self._open and self._open[-1] in _CHILDREN:
                self._misplaced("Tables, rows and lists hold text in their cells and items only.")

    def _instruction(self, _: str, __: str) -> None:
        self.found.fault("txt-1", "A narrative must not hold processing instructions.")

    def _doctype(self, *_: object) -> None:
        self.found.fault("txt-1", "A narrative must not hold a document type or entities of its own.")
        raise _Stopped


def _is_active(style: str) -> bool:
    """Whether a style loads or runs something, however its escapes and comments disguise it.

    https://www.w3.org/TR/css-syntax-3/#consume-escaped-code-point. A comment within a string is none: with and without.
    """
    bare = _INVISIBLE.sub("", _STYLE_ESCAPE.sub(_unescaped, style))
    return any(_ACTIVE_STYLE.search(each) for each in (bare, _STYLE_COMMENT.sub("", bare)))


def _unescaped(escape: re.Match[str]) -> str:
    code, character = escape.groups()
    if code is None:
        return str(character)
    return chr(int(code, 16)) if int(code, 16) <= _LAST_CHARACTER else "\ufffd"


def _split(qualified: str) -> tuple[str, str]:
    """Namespace and local name of expat's `uri local prefix` or `local`."""
    parts = qualified.split(" ")
    return (parts[0], parts[1]) if len(parts) > 1 else ("", qualified)


def _attribute_name(qualified: str) -> str:
    namespace, local = _split(qualified)
    if not namespace:
        return local
    return f"xml:{local}" if namespace == _XML_NAMESPACE else qualified

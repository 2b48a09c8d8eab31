"""The sections as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

from html import escape
from typing import Final

from local.report.figures import Figure
from local.report.sections import SECTIONS
from local.report.tables import Gold, path_of

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1a1a1a;--quiet:#555;--paper:#fff;--rule:#ddd;--head:#eef3f7;--link:#005a8c;
--blue:#0072B2;--orange:#D55E00;--green:#009E73;--pink:#CC79A7;--yellow:#C98A00}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--quiet:#aaa;--paper:#16191d;--rule:#3a4048;--head:#232a32;--link:#7cc4f0;
--blue:#56B4E9;--orange:#F08A4B;--green:#3FC79A;--pink:#E3A3C6;--yellow:#F0C04B}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1.5rem;max-width:1240px;color:var(--ink);
background:var(--paper)}
h1{margin:0 0 .2rem}h2{border-bottom:3px solid var(--blue);padding-bottom:.2rem;margin-top:2.5rem}h3{margin:1.6rem 0 .2rem}
nav a{margin-right:1rem;color:var(--link)}p{max-width:70ch;margin:.2rem 0 .6rem}
.nothing{color:var(--quiet);font-style:italic}
.source{color:var(--quiet);font-size:13px}
.pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1.5rem;align-items:start}
.pair.single{grid-template-columns:minmax(0,1fr)}
@media(max-width:900px){.pair{grid-template-columns:minmax(0,1fr)}}
svg{width:100%;height:auto;font:13px system-ui,sans-serif;fill:var(--ink)}
svg .grid{stroke:var(--rule)}svg .whisker{stroke:var(--ink);stroke-width:1.4;fill:none}
svg .unit{fill:var(--quiet);font-style:italic}svg .mark{fill:var(--orange);stroke:var(--paper)}
.scroll{overflow-x:auto;max-height:24rem;overflow-y:auto}
table{border-collapse:collapse;font-size:13px;width:100%}th{position:sticky;top:0;background:var(--head);text-align:left}
th,td{padding:.2rem .4rem;border-bottom:1px solid var(--rule);vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums}
"""


def page(gold: Gold, made_of: str) -> str:
    """The whole page; `made_of` says which lake it was made of."""
    links = "".join(f'<a href="#{each.name}">{escape(each.title)}</a>' for each in SECTIONS)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Galen: report from gold</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><h1>Report from gold</h1>",
        f"<p>{escape(made_of)} Defined in docs/measures.md and docs/models.md.</p><nav>{links}</nav>",
    ]
    for section in SECTIONS:
        figures = "".join(_figure(each) for each in section.figures(gold))
        parts.append(f'<section id="{section.name}"><h2>{escape(section.title)}</h2>{figures}</section>')
    return "".join(parts) + "</body></html>\n"


def _figure(figure: Figure) -> str:
    kind = "pair" if figure.chart else "pair single"
    return (
        f"<h3>{escape(figure.title)}</h3><p>{escape(figure.words)}</p>"
        f'<div class="{kind}">{figure.chart}<div class="scroll" tabindex="0">{figure.figures}</div></div>'
        f'<p class="source">From <code>{escape(path_of(figure.source))}</code></p>'
    )

"""The frame of a page: head, facts, tables and pictures, without outside files."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

PAGE_STYLE = """
:root { color-scheme: light; --rule: #d4d9df; --soft: #5b6672; --ink: #1b2128; }
body { font: 15px/1.45 "Helvetica Neue", Helvetica, Arial, sans-serif; color: var(--ink);
  background: #fff; max-width: 68rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--rule);
  padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.3rem 0 .35rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .9rem .28rem 0; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; } thead th { border-bottom: 1.5px solid var(--ink); }
tbody th { font-weight: 400; } tbody tr + tr > * { border-top: 1px solid var(--rule); }
.error { display: inline-block; vertical-align: middle; font-size: .72em; line-height: 1.15;
  margin-left: .3em; text-align: left; color: var(--soft); }
.error i { display: block; font-style: normal; }
.count { display: block; font-size: .8em; color: var(--soft); }
.note { color: var(--soft); margin: .4rem 0; }
figure { margin: .8rem 0 1.6rem; } img { max-width: 100%; height: auto; }
@media print { body { margin: 0; max-width: none; font-size: 11px; }
  .wide { overflow: visible; } table, figure { break-inside: avoid; }
  h2, h3 { break-after: avoid; } }
"""


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{PAGE_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def facts(lines: Mapping[str, str]) -> str:
    """Names and what stands for them."""
    entries = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in lines.items())
    return f"<dl>{entries}</dl>"


def table_html(heading: Sequence[str], body: str) -> str:
    """A table; heading and body are html."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heading)
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def figure(text: str, content: bytes) -> str:
    """A picture, `content` being a png file."""
    data = base64.b64encode(content).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(text)}"></figure>'


def pictures_html(what: str, images: Mapping[str, bytes]) -> str:
    """A section of pictures, title -> content of a png file; nothing if there are none."""
    figures = [figure(f"{what}: {title}", content) for title, content in images.items()]
    return "\n".join(["<h2>Pictures</h2>", *figures]) if figures else ""

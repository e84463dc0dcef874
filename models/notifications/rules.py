"""Mails as text: rendered templates, and HTML made readable without a browser."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


class Template(StrEnum):
    """Each is three files in `templates/`. Their variables:

    `export_ready`: resource, format, row_count, url, expires_at (as the reader shall see it).
    """

    EXPORT_READY = "export_ready"


class MessageStatus(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class Content(msgspec.Struct, frozen=True):
    subject: str
    text: str
    html: str


def render(template: Template, variables: Mapping[str, Any]) -> Content:
    """Variables are escaped in HTML. Raises jinja2.UndefinedError when one is missing."""
    find = _environment().get_template
    subject = " ".join(find(f"{template}.subject.txt").render(variables).split())
    text = find(f"{template}.txt").render(variables).strip() + "\n"
    return Content(subject, text, find(f"{template}.html").render({**variables, "subject": subject}))


@lru_cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("models.notifications"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def text_of(html: str) -> str:
    """What a reader without HTML sees: paragraphs apart, links with their addresses."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.parts).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Reader(HTMLParser):
    _SILENT = {"head", "script", "style", "title", "template"}
    _LINES = {"br", "div", "li", "tr", "table", "ul", "ol", "section", "header", "footer"}
    _PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"}

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in self._SILENT
        if tag == "a":
            self._links.append(dict(attrs).get("href") or "")
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(self._silent - (tag in self._SILENT), 0)
        if tag == "a" and self._links and (href := self._links.pop()):
            self.parts.append(f" ({href})")
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        self.parts.append("\n\n" if tag in self._PARAGRAPHS else "\n" if tag in self._LINES else "")

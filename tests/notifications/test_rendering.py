"""Mails as text."""

from typing import Any

import jinja2
import pytest

from models.notifications.rendering import Template, render
from models.notifications.rules import text_of

EXPORT: dict[str, Any] = {
    "resource": "customers <all>",
    "format": "csv",
    "row_count": 1,
    "url": "https://example.com/download?a=1&b=2",
    "expires_at": "6 February 2026, 12:00 UTC",
}


def test_an_export_is_announced_in_both_forms_and_escaped_only_in_html() -> None:
    content = render(Template.EXPORT_READY, EXPORT)
    assert content.subject == "Your export of customers <all> is ready"
    assert "1 row as CSV" in content.text
    assert EXPORT["url"] in content.text
    assert "customers &lt;all&gt;" in content.html
    assert "customers <all>" not in content.html
    assert 'href="https://example.com/download?a=1&amp;b=2"' in content.html
    assert 'name="viewport"' in content.html


def test_a_missing_variable_is_an_error_and_not_a_hole_in_the_mail() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render(Template.EXPORT_READY, {name: value for name, value in EXPORT.items() if name != "url"})


@pytest.mark.parametrize("template", Template)
def test_every_template_has_its_three_files(template: Template) -> None:
    content = render(template, EXPORT)
    assert content.subject
    assert content.text.strip()
    assert content.html.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>See you on <b>Tuesday</b>.</p>", "See you on Tuesday.\n"),
        ("<h1>Hi</h1><p>one<br>two</p>", "Hi\n\none\ntwo\n"),
        ('<a href="https://x.example/?a=1&amp;b=2">Book</a> now', "Book (https://x.example/?a=1&b=2) now\n"),
        ("<style>p{}</style><script>alert(1)</script><ul><li>a</li><li>b</li></ul>", "a\n\nb\n"),
        ("5 &lt; 6 &amp; שלום", "5 < 6 & שלום\n"),
        ("<p>un<b>closed", "unclosed\n"),
    ],
)
def test_html_is_readable_without_a_browser(html: str, text: str) -> None:
    assert text_of(html) == text

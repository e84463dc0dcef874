"""Mails out of templates, which are files beside this one."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


class Template(StrEnum):
    """Each is three files in `templates/`. Their variables:

    `export_ready`: resource, format, row_count, url, expires_at (as the reader shall see it).
    `confirm_email`, `reset_password`, `invitation`: url, expires_at.
    `account_exists`: url.
    `password_changed`: none.
    """

    EXPORT_READY = "export_ready"
    CONFIRM_EMAIL = "confirm_email"
    ACCOUNT_EXISTS = "account_exists"
    RESET_PASSWORD = "reset_password"
    INVITATION = "invitation"
    PASSWORD_CHANGED = "password_changed"


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

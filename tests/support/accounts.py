"""People with accounts, and the mails they get."""

import re
from typing import Any
from uuid import UUID

from models.identity.permissions import Role
from models.identity.services.accounts import create_user
from models.kernel.session import Database
from tests.support.client import ApiClient, eventually

PASSWORD = "correct horse battery staple"


async def make_person(
    database: Database, email: str = "noa@example.com", role: Role = Role.MANAGER, password: str = PASSWORD
) -> UUID:
    async with database.transaction() as session:
        return (await create_user(session, email=email, name="Noa", role=role, password=password)).id


async def log_in(client: ApiClient, email: str = "noa@example.com", password: str = PASSWORD) -> Any:
    return await client.expect(200, "POST", "/auth/login", json={"email": email, "password": password})


def bearer(tokens: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['accessToken']}"}


async def status_of(client: ApiClient, tokens: Any) -> int:
    """What the API answers to the access token now."""
    return (await client.get("/auth/me", headers=bearer(tokens))).status_code


async def mail_to(database: Database, email: str, template: str, *, count: int = 1) -> str:
    """The text of the newest mail, once there are so many."""

    async def arrived() -> Any:
        rows = await database.fetch(
            "SELECT text FROM messages WHERE recipient = $1 AND template = $2 ORDER BY id DESC", email, template
        )
        return rows if len(rows) >= count else None

    rows = await eventually(arrived)
    text: str = rows[0]["text"]
    return text


def token_in(text: str) -> str:
    found = re.search(r"#token=(\S+)", text)
    assert found, text
    return found[1]

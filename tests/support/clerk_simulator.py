"""A Clerk instance: session tokens, the keys they are signed with, and its users by the Backend API.

https://clerk.com/docs/guides/sessions/session-tokens
"""

import time
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.support.signing import lifetime
from tests.support.simulators import Simulator

ORIGIN = "https://app.example.com"
SECRET_KEY = "sk_test_clerk"
USER_ID = "user_2abcNoa"
NOA: dict[str, Any] = {
    "id": USER_ID, "first_name": "Noa", "last_name": "Levi", "image_url": "https://img.clerk.com/noa",
    "banned": False, "locked": False, "primary_email_address_id": "idn_2",
    "email_addresses": [
        {"id": "idn_1", "email_address": "old@example.com", "verification": {"status": "verified"}},
        {"id": "idn_2", "email_address": "noa@example.com", "verification": {"status": "verified"}},
    ],
}  # fmt: skip


class ClerkSimulator(Simulator):
    def __init__(self, url: str) -> None:
        self.issuer = f"{url}/clerk"
        super().__init__("clerk")

    def reset(self) -> None:
        super().reset()
        self.users: dict[str, dict[str, Any]] = {USER_ID: dict(NOA)}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/clerk/.well-known/jwks.json", self.published),
            web.get("/clerk/api/v1/users/{id}", self.user),
        ]

    def session_token(self, **claims: Any) -> str:
        """Noa's, made for our page, for a minute; a claim of None is left out."""
        whole = {
            "iss": self.issuer, "sub": USER_ID, "sid": f"sess_{uuid4().hex}", "azp": ORIGIN, "v": 2, "sts": "active",
            "nbf": int(time.time()) - 10, **lifetime(60), **claims,
        }  # fmt: skip
        return self.key.sign(whole)

    async def user(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {SECRET_KEY}":
            return await self.answer(request, {"errors": [{"code": "authorization_invalid"}]}, 401)
        user = self.users.get(request.match_info["id"])
        if user is None:
            return await self.answer(request, {"errors": [{"code": "resource_not_found"}]}, 404)
        return await self.answer(request, user)

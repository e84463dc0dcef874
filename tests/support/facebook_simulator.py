"""Facebook's Graph API as far as a sign-in meets it, and its Limited Login.

https://developers.facebook.com/docs/graph-api/reference/debug_token
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.support.signing import lifetime
from tests.support.simulators import Simulator

APP_ID = "9876543210"
APP_SECRET = "facebook-app-secret"
NOA: dict[str, Any] = {
    "id": "10215241773831025", "name": "Noa Levi", "email": "noa@example.com",
    "picture": {"data": {"url": "https://platform-lookaside.fbsbx.com/noa", "is_silhouette": False}},
}  # fmt: skip
INVALID = {"error": {"message": "Invalid OAuth access token data.", "type": "OAuthException", "code": 190}}


@dataclass(frozen=True)
class AccessToken:
    app_id: str
    person: dict[str, Any]
    expires_at: int
    type: str


class FacebookSimulator(Simulator):
    def __init__(self) -> None:
        super().__init__("facebook")

    def reset(self) -> None:
        super().reset()
        self.tokens: dict[str, AccessToken] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/facebook/graph/debug_token", self.debug_token),
            web.get("/facebook/graph/me", self.me),
            web.get("/facebook/jwks", self.published),
        ]

    def access_token(self, *, app_id: str = APP_ID, expires_in: int = 3600, type_: str = "USER", **person: Any) -> str:
        """Noa's, for our application; `expires_in=0` is one that never expires."""
        token = f"EAAG{uuid4().hex}"
        expires_at = int(time.time()) + expires_in if expires_in else 0
        kept = {name: value for name, value in {**NOA, **person}.items() if value is not None}
        self.tokens[token] = AccessToken(app_id, kept, expires_at, type_)
        return token

    def id_token(self, **claims: Any) -> str:
        """Of a Limited Login of Noa."""
        person = {"sub": NOA["id"], "name": NOA["name"], "email": NOA["email"]}
        whole = {"iss": "https://limited.facebook.com", "aud": APP_ID, "jti": uuid4().hex, **person, **lifetime(3600)}
        return self.key.sign({**whole, **claims})

    async def debug_token(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("access_token") != f"{APP_ID}|{APP_SECRET}":
            return await self.answer(request, INVALID, 400)
        token = self.tokens.get(request.query.get("input_token", ""))
        if token is None:
            return await self.answer(request, {"data": {"is_valid": False, **INVALID, "scopes": []}})
        data = {
            "app_id": token.app_id, "type": token.type, "application": "Bellwork", "expires_at": token.expires_at,
            "is_valid": not 0 < token.expires_at <= time.time(), "scopes": ["email", "public_profile"],
            "user_id": token.person["id"],
        }  # fmt: skip
        return await self.answer(request, {"data": data})

    async def me(self, request: web.Request) -> web.StreamResponse:
        text = request.query.get("access_token", "")
        token = self.tokens.get(text)
        proof = hmac.new(APP_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        if token is None or request.query.get("appsecret_proof") != proof:
            return await self.answer(request, INVALID, 400)
        fields = {field.partition(".")[0] for field in request.query.get("fields", "id,name").split(",")}
        return await self.answer(request, {name: value for name, value in token.person.items() if name in fields})

"""Google as far as a sign-in meets it: id tokens, and the keys they are signed with.

https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
"""

from typing import Any

from aiohttp import web

from tests.support.signing import lifetime
from tests.support.simulators import Simulator

CLIENT_ID = "1234-web.apps.googleusercontent.com"
ANDROID_CLIENT_ID = "1234-android.apps.googleusercontent.com"
NOA = {
    "sub": "110169484474386276334", "email": "noa@gmail.com", "email_verified": True, "name": "Noa Levi",
    "picture": "https://lh3.googleusercontent.com/a/noa",
}  # fmt: skip


class GoogleSimulator(Simulator):
    def __init__(self) -> None:
        super().__init__("google")

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/google/certs", self.published)]

    def id_token(self, **claims: Any) -> str:
        """Noa's, for our web page, for an hour; a claim of None is left out."""
        whole = {
            "iss": "https://accounts.google.com", "azp": CLIENT_ID, "aud": CLIENT_ID, **NOA, **lifetime(3600), **claims,
        }  # fmt: skip
        return self.key.sign(whole)

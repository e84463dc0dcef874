"""Who a Facebook access token belongs to, by the Graph API.

The token alone says nothing: any application has tokens of the same person. So Facebook is asked whose it is
(`debug_token`) before it is used.
https://developers.facebook.com/docs/facebook-login/guides/access-tokens/debugging
"""

import hashlib
import hmac
from typing import Any

from models.identity.provider_tokens import Identity
from models.identity.values import Provider
from models.kernel.clock import utc_now
from tasks.integrations.identities import IdentityRefused
from tasks.integrations.providers import ProviderHttp, Reply

_TOO_OFTEN = {1, 2, 4, 17, 341}  # Facebook's codes for "try again later", which come with 400 and 403
FIELDS = "id,name,email,picture.type(large)"


class FacebookGraph:
    def __init__(self, http: ProviderHttp, url: str, app_id: str, app_secret: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._app_id = app_id
        self._app_secret = app_secret

    async def identify(self, credential: str) -> Identity:
        checked = await self._debug(credential)
        if checked.status != 200:
            raise self._http.refuses_us()
        subject = self._subject_of(checked.content.get("data"))
        asked = await self._me(credential)
        if asked.status != 200 or "error" in asked.content:
            raise IdentityRefused("The Facebook token is not valid: Facebook refuses it.")
        person = asked.content
        if str(person.get("id")) != subject:
            raise IdentityRefused("The Facebook token is not valid: it belongs to somebody else.")
        return Identity(
            Provider.FACEBOOK, subject, _text(person.get("email")), name=_text(person.get("name")),
            avatar_url=_picture_of(person),
        )  # fmt: skip

    async def _debug(self, token: str) -> Reply:
        ours = f"{self._app_id}|{self._app_secret}"
        return await self._ask("debug_token", {"input_token": token, "access_token": ours})

    async def _me(self, token: str) -> Reply:
        proof = hmac.new(self._app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        return await self._ask("me", {"fields": FIELDS, "access_token": token, "appsecret_proof": proof})

    def _subject_of(self, data: Any) -> str:
        """Raises IdentityRefused unless the token is valid now, a person's, and made for our application."""
        if not isinstance(data, dict) or data.get("is_valid") is not True:
            raise IdentityRefused("The Facebook token is not valid: Facebook does not know it, or it has expired.")
        if str(data.get("app_id")) != self._app_id:
            raise IdentityRefused("The Facebook token is not valid: it was made for another application.")
        expires_at = data.get("expires_at", 0)
        expired = not isinstance(expires_at, int) or 0 < expires_at <= utc_now().timestamp()
        if expired or data.get("type", "USER") != "USER" or not data.get("user_id"):
            raise IdentityRefused("The Facebook token is not valid: it is no person's, or it has expired.")
        return str(data["user_id"])

    async def _ask(self, path: str, params: dict[str, str]) -> Reply:
        """A JSON object, whatever its status. Raises ProviderError, also for what Facebook asks to try again."""
        reply = await self._http.get(f"{self._url}/{path}", params=params)
        if not isinstance(reply.content, dict):
            raise self._http.unusable(f"{reply.status} without JSON")
        error = reply.content.get("error")
        if isinstance(error, dict) and error.get("code") in _TOO_OFTEN:
            raise self._http.unreachable("asks to try again later")
        return reply


def _picture_of(person: dict[str, Any]) -> str | None:
    data = person.get("picture", {}).get("data") if isinstance(person.get("picture"), dict) else None
    return _text(data.get("url")) if isinstance(data, dict) and not data.get("is_silhouette") else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

"""Who a user of a Clerk instance is, by its Backend API. https://clerk.com/docs/reference/backend-api"""

from typing import Any
from urllib.parse import quote

from models.identity.provider_tokens import Identity
from models.identity.values import Provider
from tasks.integrations.identities import IdentityRefused
from tasks.integrations.providers import ProviderHttp


class ClerkDirectory:
    def __init__(self, http: ProviderHttp, url: str, secret_key: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {secret_key}"}

    async def identify(self, credential: str) -> Identity:
        """`credential` is the user's id at Clerk, out of a verified token."""
        reply = await self._http.get(f"{self._url}/v1/users/{quote(credential, safe='')}", headers=self._headers)
        if reply.status == 404:
            raise IdentityRefused("Clerk does not know this user any more.")
        if reply.status in (401, 403):
            raise self._http.refuses_us()
        person = reply.content
        if reply.status != 200 or not isinstance(person, dict) or person.get("id") != credential:
            raise self._http.unusable(f"{reply.status} instead of the user")
        if person.get("banned") or person.get("locked"):
            raise IdentityRefused("This user is banned or locked at Clerk.")
        email, proven = _primary_email(person)
        names = [person.get("first_name"), person.get("last_name")]
        name = " ".join(part for part in names if isinstance(part, str) and part)
        avatar = person.get("image_url")
        return Identity(
            Provider.CLERK, credential, email, proven, name or None, avatar if isinstance(avatar, str) else None
        )


def _primary_email(person: dict[str, Any]) -> tuple[str | None, bool]:
    """The address, and whether Clerk has verified it."""
    addresses = person.get("email_addresses")
    for address in addresses if isinstance(addresses, list) else []:
        if isinstance(address, dict) and address.get("id") == person.get("primary_email_address_id"):
            email, verification = address.get("email_address"), address.get("verification")
            verified = isinstance(verification, dict) and verification.get("status") == "verified"
            return (email, verified) if isinstance(email, str) else (None, False)
    return None, False

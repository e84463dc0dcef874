"""Credentials that providers gave out, checked without the API speaking to any provider: by keys that a job has
fetched, or by a question that a job puts to the provider while the request waits.
"""

from typing import Any

from litestar.datastructures import State

from api.dependencies import ApiRequest
from api.jobs.following import wait_for_end
from api.preferences import preferred_wait
from models.identity.provider_tokens import Identity, Issuer, key_id, verify
from models.identity.services import provider_checks
from models.identity.services.provider_keys import KnownKeys, ask_for_keys, issuer_of, known_keys
from models.identity.values import Provider
from models.jobs.rules import JobStatus
from models.kernel.actor import Actor
from models.kernel.errors import Unavailable, Unprocessable

KEYS_WAIT_SECONDS = 5
ANSWER_WAIT_SECONDS = 20


class ProviderTokens:
    def __init__(self, state: State) -> None:
        self._state = state

    async def verify(self, provider: Provider, token: str, nonce: str | None = None) -> dict[str, Any]:
        """What a token that the provider signed says.

        Raises Unauthorized unless it is good, Unprocessable when the provider is not set up, Unavailable when its
        keys are needed and cannot be had.
        """
        issuer = issuer_of(self._state.settings, provider)
        if issuer is None:
            raise not_set_up(provider)
        key = (await self._keys_with(issuer, key_id(issuer, token))).get(key_id(issuer, token))
        if key is None:
            raise issuer.distrust("none of their keys signed it")
        return verify(issuer, token, key, nonce)

    async def ask(self, request: ApiRequest, provider: Provider, credential: str) -> Identity:
        """Whose credential it is, by the provider itself. Raises Unauthorized, and Unavailable when it does not answer
        within the `Prefer: wait=N` seconds (20 without).
        """
        actor = Actor("system", None, request.scope["state"]["request_id"])
        id_, job = await provider_checks.ask(self._state.database, self._state["keys"], actor, provider, credential)
        self._state.nudger.nudge()
        await wait_for_end(self._state, job.id, preferred_wait(request) or ANSWER_WAIT_SECONDS)
        return await provider_checks.take_answer(self._state.database, id_, job)

    async def _keys_with(self, issuer: Issuer, wanted: str) -> dict[str, dict[str, Any]]:
        """The keys there are; when the wanted one is not among them, those there are once they were asked for."""
        known = await known_keys(self._state.database, issuer)
        wants_more = (known.stale or wanted not in known.keys) and not known.asked
        if wants_more and await ask_for_keys(self._state.database, issuer):
            self._state.nudger.nudge()
        if wanted not in known.keys:
            known = await self._awaited(issuer, wanted)
        return known.keys

    async def _awaited(self, issuer: Issuer, wanted: str) -> KnownKeys:
        asked = (await known_keys(self._state.database, issuer)).job_id
        job = await wait_for_end(self._state, asked, KEYS_WAIT_SECONDS) if asked else None
        known = await known_keys(self._state.database, issuer)
        if wanted not in known.keys and (job is None or job.status != JobStatus.SUCCEEDED):
            raise Unavailable(f"The keys of {issuer.provider.title()} cannot be had just now; try again.")
        return known


def not_set_up(provider: Provider) -> Unprocessable:
    return Unprocessable(f"Signing in with {provider.title()} is not set up here.")

"""Google, Facebook and Clerk on one address of the loopback, which is taken before the platform starts: its processes
are told of it by their settings.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.support import clerk_simulator, facebook_simulator, google_simulator
from tests.support.clerk_simulator import ClerkSimulator
from tests.support.facebook_simulator import FacebookSimulator
from tests.support.google_simulator import GoogleSimulator
from tests.support.serving import serving

_SOCKET = socket.create_server(("127.0.0.1", 0))
URL = f"http://127.0.0.1:{_SOCKET.getsockname()[1]}"
PROVIDER_SETTINGS = {
    "BELLWORK_PROVIDER_TIMEOUT_SECONDS": "4",
    "BELLWORK_GOOGLE_CLIENT_IDS": f"{google_simulator.CLIENT_ID},{google_simulator.ANDROID_CLIENT_ID}",
    "BELLWORK_GOOGLE_KEYS_URL": f"{URL}/google/certs",
    "BELLWORK_FACEBOOK_APP_ID": facebook_simulator.APP_ID,
    "BELLWORK_FACEBOOK_APP_SECRET": facebook_simulator.APP_SECRET,
    "BELLWORK_FACEBOOK_GRAPH_URL": f"{URL}/facebook/graph",
    "BELLWORK_FACEBOOK_KEYS_URL": f"{URL}/facebook/jwks",
    "BELLWORK_CLERK_ISSUER": f"{URL}/clerk",
    "BELLWORK_CLERK_AUTHORIZED_PARTIES": f"{clerk_simulator.ORIGIN},https://admin.example.com",
    "BELLWORK_CLERK_SECRET_KEY": clerk_simulator.SECRET_KEY,
    "BELLWORK_CLERK_API_URL": f"{URL}/clerk/api",
}


@dataclass(frozen=True)
class Providers:
    google: GoogleSimulator
    facebook: FacebookSimulator
    clerk: ClerkSimulator

    def reset(self) -> None:
        for simulator in (self.google, self.facebook, self.clerk):
            simulator.reset()


@asynccontextmanager
async def running_providers() -> AsyncIterator[Providers]:
    providers = Providers(GoogleSimulator(), FacebookSimulator(), ClerkSimulator(URL))
    simulators = (providers.google, providers.facebook, providers.clerk)
    app = web.Application()
    app.add_routes([route for simulator in simulators for route in simulator.routes()])
    async with serving(app, on=_SOCKET):
        try:
            yield providers
        finally:
            for simulator in simulators:
                simulator.release()

"""`python -m api`: serve the API."""

import sys

from granian import Granian
from granian.constants import Interfaces, Loops

from models.kernel.settings import SettingsError, get_settings

OPEN_REQUESTS = 16_384  # each open stream and each request that waits for its job is one of them


def main() -> None:
    try:
        settings = get_settings()
    except SettingsError as error:
        sys.exit(f"Bellwork cannot start, its settings are at fault:\n{error}")
    Granian(
        "api.app:create_app",
        factory=True,
        address=settings.api_host,
        port=settings.api_port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        log_access=False,
        backpressure=OPEN_REQUESTS,
    ).serve()


if __name__ == "__main__":
    main()

"""`python -m api`: serve the API."""

import errno
import socket
import sys
import time

from granian import Granian
from granian.constants import Interfaces, Loops

from models.kernel.settings import SettingsError, get_settings

OPEN_REQUESTS = 16_384  # each open stream and each request that waits for its job is one of them
PATIENCE_SECONDS = 10.0


def main() -> None:
    try:
        settings = get_settings()
    except SettingsError as error:
        sys.exit(f"Bellwork cannot start, its settings are at fault:\n{error}")
    await_address(settings.api_host, settings.api_port)
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


def await_address(host: str, port: int, seconds: float = PATIENCE_SECONDS) -> None:
    """Until nobody listens there: one who was killed may leave children that end a moment later. Ends the process with
    a plain sentence when somebody does for longer, where Granian would print a trace of its own."""
    deadline = time.monotonic() + seconds
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        try:
            socket.create_server((host, port), family=family).close()
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                sys.exit(f"Bellwork cannot listen on {host}, port {port}: {error.strerror or error}.")
        time.sleep(0.1)


if __name__ == "__main__":
    main()

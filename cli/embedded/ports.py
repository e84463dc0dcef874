"""Free TCP ports on this machine."""

import errno
import random
import socket

# Below the range the kernel gives to outgoing connections (Linux 32768+, macOS 49152+): a client that retries
# a stopped server on a port of that range can connect to itself and keep the server from coming back.
_FIRST, _LAST = 15000, 29999
_chance = random.SystemRandom()  # which no library seeds: two who choose at once do not choose the same


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose_port(preferred: int | None = None, host: str = "127.0.0.1") -> int:
    """The preferred port when it is free, else a free one picked at random."""
    if preferred is not None and is_free(preferred, host):
        return preferred
    for _ in range(200):
        port = _chance.randint(_FIRST, _LAST)
        if is_free(port, host):
            return port
    raise OSError(f"no free port found on {host} between {_FIRST} and {_LAST}")

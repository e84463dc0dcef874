"""PostgreSQL and Valkey servers from the Python packages, which end with the process that started them."""

from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.server import EmbeddedServer, ServerError
from cli.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedServer", "EmbeddedValkey", "ServerError"]

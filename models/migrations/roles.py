"""What the role that the application logs in as may do: everything with rows, nothing with tables, and nothing with
the trail of changes but read it and add to it by the functions made for that.
"""

from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

_CREATION = "SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', CAST(:role AS text), CAST(:password AS text))"
_GRANTS = """
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
REVOKE INSERT, UPDATE, DELETE ON alembic_version, audit_statements, audit_entries FROM {role};
GRANT EXECUTE ON FUNCTION audit_record, audit_prune, audit_erase TO {role};
"""


class RoleError(Exception):
    """The application's role cannot be given its rights; the message says what to do."""


def grant(connection: Connection, application_url: str) -> None:
    """Give the role of the URL its rights, and no others; where it does not exist yet, create it with the URL's
    password. Raises RoleError. Nothing happens when the application logs in as the owner.
    """
    parts = urlsplit(application_url)
    role, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not role or role == connection.scalar(text("SELECT current_user")):
        return
    if not connection.scalar(text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": role}):
        _create(connection, role, password)
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    for statement in _GRANTS.format(role=quoted).strip().split(";\n"):
        connection.execute(text(statement))


def _create(connection: Connection, role: str, password: str) -> None:
    creation = connection.scalar(text(_CREATION), {"role": role, "password": password})
    assert isinstance(creation, str)
    try:
        connection.exec_driver_sql(creation)
    except ProgrammingError:
        raise RoleError(
            f"There is no role {role}, and this one may not create it: let an administrator of PostgreSQL create it, "
            "with the right to log in and no other."
        ) from None

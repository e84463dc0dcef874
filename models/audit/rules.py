"""What is written into the trail."""

from enum import StrEnum


class Action(StrEnum):
    """What was done. A `delete` can be restored, a `purge` cannot. An `erase` has masked values in
    the trail itself.

    The first five are written by the database for every changed row, the others by who does them.
    """

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RESTORE = "restore"
    PURGE = "purge"
    CANCEL = "cancel"
    RETRY = "retry"
    ERASE = "erase"
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"

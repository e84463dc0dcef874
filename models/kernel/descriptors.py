"""Open files, of which every connection is one."""

import contextlib
import resource

WANTED = 65_536


def allow_many() -> None:
    """Raise the limit of this process and of those it will start: a shell's usual 1,024 is soon used up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # some systems have a further limit of their own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

"""The real scheduler, which has to know the probes, and is newer than the workers."""

import tests.support.newer
import tests.support.probes  # noqa: F401
from scheduler.__main__ import main

if __name__ == "__main__":
    main()

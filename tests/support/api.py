"""The real API, which knows the kinds of the tests besides."""

import tests.support.probes  # noqa: F401
from api.__main__ import main

if __name__ == "__main__":
    main()

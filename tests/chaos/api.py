"""The real API, which has to know the kinds of the chaos suite."""

import tests.chaos.kinds  # noqa: F401
from api.__main__ import main

if __name__ == "__main__":
    main()

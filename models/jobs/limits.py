"""How many jobs of a kind run at once, how many start in a time, and the places left under both. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

MOST_IN_A_RATE, LONGEST_RATE_SECONDS = 10_000, 86_400.0


class Rate(msgspec.Struct, frozen=True, rename="camel"):
    """At most `jobs` attempts start within any `seconds`: the window slides, so that the end of one and the beginning
    of the next cannot be spent together. Raises ValueError beyond 10,000 jobs or a day."""

    jobs: int
    seconds: float

    def __post_init__(self) -> None:
        if not (1 <= self.jobs <= MOST_IN_A_RATE and 0 < self.seconds <= LONGEST_RATE_SECONDS):
            raise ValueError(f"a rate of {self.jobs} in {self.seconds:g} s")


class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """How many jobs of a kind run at once, and how many attempts of them start in a time: in all, and per `limit_key`
    of their arguments. None is no limit."""

    in_all: int | None = None
    per_key: int | None = None
    rate: Rate | None = None
    rate_per_key: Rate | None = None

    def __bool__(self) -> bool:
        return self != NO_LIMITS

    @property
    def has_rates(self) -> bool:
        return self.rate is not None or self.rate_per_key is not None

    @property
    def windows(self) -> tuple[float, float]:
        """The seconds of the rate and of that per key; 0 where there is none."""
        return self.rate.seconds if self.rate else 0.0, self.rate_per_key.seconds if self.rate_per_key else 0.0


NO_LIMITS = Limits()


class Use(msgspec.Struct, frozen=True):
    """What is taken of a kind by one of its limit keys: jobs that run or are on their way to a worker, and starts
    within the window of the kind's rate and within that of its keys'. What is on its way is a start already.

    `opens_in` and `key_opens_in` are the seconds until the oldest start leaves the window.
    """

    under_way: int = 0
    starts: int = 0
    key_starts: int = 0
    opens_in: float | None = None
    key_opens_in: float | None = None


UNUSED = Use()
Usage = Mapping[tuple[str, str | None], Use]


def total(uses: Iterable[Use]) -> Use:
    """Of all keys of a kind."""
    uses = list(uses)
    opens_in = min((use.opens_in for use in uses if use.opens_in is not None), default=None)
    return Use(sum(use.under_way for use in uses), sum(use.starts for use in uses), opens_in=opens_in)


class Places:
    """What is left under the limits, while it is being given away."""

    def __init__(self, limits: Mapping[str, Limits], usage: Usage) -> None:
        self._limits = limits
        self._usage = usage
        self._under_way: Counter[str] = Counter()
        self._starts: Counter[str] = Counter()
        self._taken: Counter[tuple[str, str | None]] = Counter()
        for (kind, _), use in usage.items():
            self._under_way[kind] += use.under_way
            self._starts[kind] += use.starts

    def take(self, kind: str, key: str | None) -> bool:
        """Whether there was a place; it is gone then."""
        if kind not in self._limits:
            return True
        if self._is_full(kind) or self._is_key_full(kind, key):
            return False
        self._under_way[kind] += 1
        self._starts[kind] += 1
        self._taken[kind, key] += 1
        return True

    def full_kinds(self) -> list[str]:
        return [kind for kind in self._limits if self._is_full(kind)]

    def full_keys(self) -> list[tuple[str, str]]:
        return [(kind, key) for kind, key in self._usage if key is not None and self._is_key_full(kind, key)]

    def open_in(self) -> float | None:
        """The seconds until there is room again under a rate that is used up; None when there is no such rate."""
        seconds = [use.opens_in for (kind, _), use in self._usage.items() if self._is_rate_full(kind)]
        seconds += [use.key_opens_in for each, use in self._usage.items() if self._is_key_rate_full(*each)]
        return min((each for each in seconds if each is not None), default=None)

    def _is_full(self, kind: str) -> bool:
        limit = self._limits[kind].in_all
        return (limit is not None and self._under_way[kind] >= limit) or self._is_rate_full(kind)

    def _is_rate_full(self, kind: str) -> bool:
        rate = self._limits[kind].rate
        return rate is not None and self._starts[kind] >= rate.jobs

    def _is_key_full(self, kind: str, key: str | None) -> bool:
        limit = self._limits[kind].per_key
        under_way = self._use(kind, key).under_way + self._taken[kind, key]
        return (limit is not None and key is not None and under_way >= limit) or self._is_key_rate_full(kind, key)

    def _is_key_rate_full(self, kind: str, key: str | None) -> bool:
        rate = self._limits[kind].rate_per_key
        starts = self._use(kind, key).key_starts + self._taken[kind, key]
        return rate is not None and key is not None and starts >= rate.jobs

    def _use(self, kind: str, key: str | None) -> Use:
        return self._usage.get((kind, key), UNUSED)

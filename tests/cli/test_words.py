"""Durations and limits in an operator's words."""

import pytest

from cli.words import duration_of, limits_of
from models.jobs.limits import Limits, Rate


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (0.004, "0 s"), (0.123, "0.12 s"), (12.345, "12.35 s"), (59, "59 s"), (59.999, "1 min"),
        (60, "1 min"), (192, "3.2 min"), (3599, "1 h"), (5400, "1.5 h"), (86_400, "24 h"), (172_800, "2 d"),
        (1_000_000, "11.6 d"),
    ],
)  # fmt: skip
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration_of(seconds) == words


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(), ""),
        (Limits(in_all=1), "1 at once"),
        (Limits(in_all=5, per_key=2), "5 at once, 2 at once per key"),
        (Limits(rate=Rate(2, 1), rate_per_key=Rate(100, 3600)), "2 start in 1 s, 100 start in 1 h per key"),
    ],
)
def test_limits_in_words(limits: Limits, words: str) -> None:
    assert limits_of(limits) == words

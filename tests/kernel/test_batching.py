"""What is asked at the same moment is one statement, and everybody gets their own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from models.kernel.batching import Batcher


class Work:
    """Doubles numbers, refuses negative ones, and remembers what it was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await asyncio.sleep(0)
        if min(numbers) < 0:
            raise ValueError("negative")
        return [number * 2 for number in numbers]


async def test_who_asks_in_the_same_moment_shares_a_statement_and_gets_their_own_answer() -> None:
    work = Work()
    batcher = Batcher(work)
    assert await asyncio.gather(*(batcher.ask(number) for number in range(10))) == [n * 2 for n in range(10)]
    assert work.batches == [list(range(10))]


async def test_no_statement_is_larger_than_the_size() -> None:
    work = Work()
    batcher = Batcher(work, size=4)
    await asyncio.gather(*(batcher.ask(number) for number in range(10)))
    assert sorted(number for batch in work.batches for number in batch) == list(range(10))
    assert max(map(len, work.batches)) == 4


async def test_one_bad_item_fails_alone() -> None:
    batcher = Batcher(Work())
    answers = await asyncio.gather(*(batcher.ask(number) for number in (1, -2, 3)), return_exceptions=True)
    assert answers[0] == 2
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 6


async def test_who_goes_away_takes_nobody_along() -> None:
    batcher = Batcher(Work())
    impatient = asyncio.ensure_future(batcher.ask(1))
    patient = asyncio.ensure_future(batcher.ask(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 4
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await batcher.ask(5) == 10


async def test_an_unreachable_database_is_told_to_all_at_once() -> None:
    calls = 0

    async def away(numbers: Sequence[int]) -> list[int]:
        nonlocal calls
        calls += 1
        raise ConnectionRefusedError

    batcher = Batcher(away)
    answers = await asyncio.gather(*(batcher.ask(number) for number in range(5)), return_exceptions=True)
    assert all(isinstance(answer, ConnectionRefusedError) for answer in answers)
    assert calls == 1

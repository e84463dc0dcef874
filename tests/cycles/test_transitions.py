import pytest

from models.cycles.rules import Progress, can_move, progress
from models.cycles.values import MeetingStatus

SCHEDULED, COMPLETED, CANCELLED, POSTPONED = (
    MeetingStatus.SCHEDULED,
    MeetingStatus.COMPLETED,
    MeetingStatus.CANCELLED,
    MeetingStatus.POSTPONED,
)
ALLOWED = {
    (SCHEDULED, COMPLETED),
    (SCHEDULED, CANCELLED),
    (SCHEDULED, POSTPONED),
    (COMPLETED, SCHEDULED),
    (COMPLETED, CANCELLED),
    (CANCELLED, SCHEDULED),
}
PAIRS = [(from_, to) for from_ in MeetingStatus for to in MeetingStatus]


@pytest.mark.parametrize(("from_", "to"), PAIRS, ids=[f"{from_} to {to}" for from_, to in PAIRS])
def test_a_meeting_moves_only_as_the_table_says(from_: MeetingStatus, to: MeetingStatus) -> None:
    assert can_move(from_, to) == ((from_, to) in ALLOWED)


@pytest.mark.parametrize(
    ("completed", "total", "remaining", "percent"),
    [
        pytest.param(0, 12, 12, 0, id="not begun"),
        pytest.param(1, 12, 11, 8, id="8.33 goes down"),
        pytest.param(5, 12, 7, 42, id="41.67 goes up"),
        pytest.param(1, 8, 7, 13, id="12.5 goes up, not to even"),
        pytest.param(12, 12, 0, 100, id="done"),
        pytest.param(199, 200, 1, 100, id="99.5 goes up while one remains"),
        pytest.param(13, 12, 0, 100, id="an extra lesson is not 108 percent"),
        pytest.param(0, 0, 0, 0, id="an empty cycle"),
    ],
)
def test_progress(completed: int, total: int, remaining: int, percent: int) -> None:
    assert progress(completed, total) == Progress(completed, remaining, percent)

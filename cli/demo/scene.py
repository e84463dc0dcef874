"""What all acts share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.demo.client import Api, Json, in_parallel
from cli.demo.inbox import Inbox
from cli.demo.records import Cycle, School
from cli.demo.stage import Stage
from cli.platform import LocalPlatform


@dataclass
class Scene:
    """`ids` are what the API calls the things of the dataset, by key; `figures` become summary.json."""

    stage: Stage
    platform: LocalPlatform
    api: Api
    inbox: Inbox
    school: School
    output: Path
    ids: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def cycle_ids(self) -> list[str]:
        return [self.ids[cycle.key] for cycle in self.school.cycles]

    async def read_meetings(self) -> dict[str, list[Json]]:
        """What the API has, by the key of the cycle, in the order of their numbers."""

        async def read(cycle: Cycle) -> None:
            rows = [row async for row in self.api.pages("/meetings", cycleId=self.ids[cycle.key])]
            meetings[cycle.key] = sorted(rows, key=lambda row: int(row["number"]))

        meetings: dict[str, list[Json]] = {cycle.key: [] for cycle in self.school.cycles}
        with self.stage.bar("cycles read back", len(meetings)) as bar:
            await in_parallel(self.school.cycles, read, bar)
        return meetings

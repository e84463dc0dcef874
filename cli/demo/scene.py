"""What all acts share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.demo.client import Api
from cli.demo.inbox import Inbox
from cli.demo.records import School
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

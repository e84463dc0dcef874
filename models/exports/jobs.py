"""Making a file."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from models.exports.registry import Exportable, exportable_named
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import Queue, RetryPolicy
from models.kernel.errors import Fault, Invalid
from models.kernel.schema import Email

LocaleName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="BCP 47; a sheet in Hebrew or Arabic reads from right to left",
    ),
]


class ExportCreated(JobResult):
    export_id: UUID
    row_count: int
    size_bytes: int


@kind(
    "exports.create",
    result=ExportCreated,
    queue=Queue.EXPORTS,
    scope="write:exports",
    retry=RetryPolicy(max_attempts=4, first_seconds=5.0, cap_seconds=300.0),
    time_limit_seconds=1800.0,
    example={"resource": "customers", "format": "xlsx", "filters": {"city": "Haifa"}, "locale": "he"},
)
class CreateExport(JobArgs):
    """Write the rows of a list, with its filters, into a CSV or XLSX file.

    The export has the id of the job: `GET /exports/{id}` says when it is ready, `GET /exports/{id}/download` gives
    the file.
    """

    resource: Annotated[str, Meta(max_length=50, examples=["meetings"])]
    format: Literal["csv", "xlsx"]
    filters: Annotated[dict[str, Any], Meta(description="those of the resource's list, by the same names")] = {}
    bom: Annotated[bool, Meta(description="begin a CSV file with a byte order mark, for Excel")] = False
    locale: LocaleName | None = None
    notify_email: Annotated[Email, Meta(description="who gets a mail when the file is ready")] | None = None

    def faults(self) -> list[Fault]:
        try:
            exportable = self.exportable
        except Invalid as unknown:
            return list(unknown.errors)
        try:
            exportable.select(self.filters)
        except Invalid as invalid:
            return list(invalid.under("filters").errors)
        return []

    @property
    def exportable(self) -> Exportable:
        """Raises Invalid for a resource that cannot be exported."""
        return exportable_named(self.resource)

    def needs(self) -> tuple[str, ...]:
        return (self.exportable.scope,)

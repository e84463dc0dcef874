"""What the OpenAPI document tells of jobs and schedules is what their operations do."""

from typing import Any

import pytest
from litestar import Litestar

from models.jobs.kinds import all_kinds
from models.kernel.validation import convert
from tests.support.client import ApiClient
from tests.support.operations import Operation, document_of, operations_of


@pytest.fixture
def document(app: Litestar) -> dict[str, Any]:
    return document_of(app)


@pytest.fixture
def operations(document: dict[str, Any]) -> dict[str, Operation]:
    return {operation.name: operation for operation in operations_of(document)}


def headers_of(operation: Operation, status: str) -> set[str]:
    return set(operation.content["responses"][status].get("headers", {}))


def understood(operation: Operation) -> set[str]:
    references = [each.get("$ref", "") for each in operation.content.get("parameters", [])]
    return {reference.rpartition("/")[2] for reference in references if reference}


def test_every_answer_with_a_job_that_has_not_ended_tells_its_place_and_when_to_look(
    operations: dict[str, Operation],
) -> None:
    shown = {f"#/components/schemas/{name}" for name in ("JobOut", "CancelOut")}
    tried = 0
    for name, operation in operations.items():
        accepted = operation.content["responses"].get("202", {})
        schema = accepted.get("content", {}).get("application/json", {}).get("schema", {})
        if schema.get("$ref") in shown:
            assert {"Location", "Retry-After"} <= headers_of(operation, "202"), name
            assert "Prefer" in understood(operation), name
            tried += 1
    assert tried > 15
    for status in ("200", "304"):
        assert {"ETag", "Retry-After"} <= headers_of(operations["getJob"], status)
    assert {"IfNoneMatch", "Prefer"} <= understood(operations["getJob"])
    assert "Retry-After" in headers_of(operations["updateJob"], "200")
    assert "Prefer" not in understood(operations["updateJob"])
    assert {"IfMatch", "NewOnly"} <= understood(operations["putScheduleByKey"])


def test_every_answer_about_jobs_and_schedules_has_an_example(operations: dict[str, Operation]) -> None:
    tried = 0
    for name, operation in operations.items():
        for status, answer in operation.content["responses"].items():
            for media in answer.get("content", {}).values() if status.startswith("2") else ():
                assert media.get("example") is not None, f"{name} {status}"
                tried += 1
    assert tried > 100


def test_the_200_of_a_submit_says_that_the_job_has_ended(operations: dict[str, Operation]) -> None:
    answers = operations["submitJob"].content["responses"]
    assert "has ended" in answers["200"]["description"]
    assert answers["202"]["description"] != answers["200"]["description"]
    assert "404" in operations["createSchedule"].content["responses"]


def test_bodies_are_described_as_strictly_as_they_are_read(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("JobIn", "BatchIn", "BatchJobIn", "JobPatch", "ScheduleIn", "SchedulePatch", "CancelManyIn"):
        assert schemas[name]["additionalProperties"] is False, name
    for name in ("JobPatch", "SchedulePatch", "JobIn"):
        priority = schemas[name]["properties"]["priority"]
        assert (priority["minimum"], priority["maximum"]) == (0, 9), name
    tag = schemas["JobIn"]["properties"]["tags"]["items"]
    assert (tag["minLength"], tag["maxLength"]) == (1, 64)
    assert "additionalProperties" not in schemas["JobOut"]


async def test_the_catalogue_has_an_example_of_each_result(client: ApiClient) -> None:
    shown = {kind["name"]: kind["resultExample"] for kind in await client.expect(200, "GET", "/job-kinds")}
    for kind in all_kinds():
        convert(shown[kind.name], kind.result)

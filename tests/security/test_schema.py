"""Whatever is sent, the API answers as its document says: made-up requests for every operation, good and bad ones."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from models.kernel.session import Database
from tests.support.client import ApiClient

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
CHECKS = schemathesis.checks
ORDER = ("GET", "POST", "PATCH", "PUT", "DELETE")
# It asks Facebook through a job, which no worker does here.
LEFT_OUT = {"signInWithFacebook", "connectFacebook"}
# Without the parameters of security schemes: who calls is said here.
CONFIG = {"generation": {"with-security-parameters": False, "allow-x00": True}}


@pytest.fixture
def operations(document: dict[str, Any]) -> list[APIOperation[Any, Any, Any, Any]]:
    """Those that take things away come last."""
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(CONFIG))
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    found = [operation for operation in found if operation.definition.raw["operationId"] not in LEFT_OUT]
    return sorted(found, key=lambda operation: ORDER.index(operation.method.upper()))


@pytest.mark.timeout(300)
async def test_every_answer_is_one_that_the_document_names(
    operations: list[APIOperation[Any, Any, Any, Any]],
    world: dict[str, str],
    api_process: str,
    client: ApiClient,
    database: Database,
) -> None:
    await client.expect(200, "POST", f"/jobs/{world['job_id']}/cancel")  # the stream of its events ends at once
    key = await client.create("/api-keys", name="Fuzz", scopes=["*"])
    failures: list[str] = []
    with requests.Session() as session:
        session.trust_env = False
        for operation in operations:
            personal = "about themselves" in operation.definition.raw["description"]
            credentials = client.headers["Authorization"] if personal else f"Bearer {key['secret']}"
            session.headers["Authorization"] = credentials
            for mode in GenerationMode:
                failures += _try(operation, mode, world, api_process, session)
    assert not failures, f"{len(failures)} failures\n\n" + "\n\n".join(failures)


def _try(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, ids: Mapping[str, str], url: str, session: Any
) -> Iterator[str]:
    failures: dict[str, str] = {}
    known = {name: ids[name] for name in ids if f"{{{name}}}" in operation.path}
    if mode.is_negative and not (operation.query or operation.headers or operation.body):
        known = {}  # the only thing that can be wrong

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode, path_parameters=known or None))
    def send(case: Case[Any]) -> None:
        response = case.call(base_url=url, session=session, timeout=30)
        try:
            case.validate_response(response, excluded_checks=[CHECKS.ignored_auth, CHECKS.positive_data_acceptance])
        except FailureGroup as group:
            for each in group.exceptions:
                failures.setdefault(
                    type(each).__name__, f"{operation.label} ({mode}): {each}\n{case.as_curl_command()}"
                )

    try:
        send()
    except Unsatisfiable:
        pass  # nothing can be wrong
    except Exception as error:
        failures[type(error).__name__] = f"{operation.label} ({mode}): {error!r}"
    yield from failures.values()

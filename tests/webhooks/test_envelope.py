"""The body's bytes are those that JavaScript writes after reading them."""

import json
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.webhooks.envelope import envelope

AT = datetime(2026, 2, 6, 12, 0, 0, 123456, tzinfo=UTC)
NUMBERS = [
    ("149.90", "149.9"), ("149.00", "149"), ("0.10", "0.1"), ("0", "0"), ("-0.0", "0"), ("-12.50", "-12.5"),
    ("1e3", "1000"), ("123456789012.99", "123456789012.99"), ("0.000001", "0.000001"), ("0.0000001", "1e-7"),
    ("1.5e-7", "1.5e-7"), ("100000000000000000000", "100000000000000000000"), ("1e21", "1e+21"),
    ("1.25e22", "1.25e+22"), ("9007199254740991", "9007199254740991"), ("9007199254740993", '"9007199254740993"'),
    ("0.1234567890123456789", '"0.1234567890123456789"'), ("1e400", '"1E+400"'), ("5e-324", "5e-324"),
    ("1.7976931348623157e308", "1.7976931348623157e+308"),
]  # fmt: skip
ROUND_TRIP = """
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter((line) => line);
const same = lines.filter((line) => JSON.stringify(JSON.parse(line)) === line);
process.stdout.write(`${same.length} of ${lines.length}`);
"""


def body(data: str) -> str:
    return envelope("customer.created", AT, 7, data).decode()


def test_the_envelope_has_type_time_sequence_and_data_in_this_order() -> None:
    expected = '{"type":"customer.created","timestamp":"2026-02-06T12:00:00.123Z","sequence":7,"data":{"a":1}}'
    assert body('{"a": 1}') == expected


@pytest.mark.parametrize(("given_", "written"), NUMBERS)
def test_numbers_are_written_as_javascript_writes_them(given_: str, written: str) -> None:
    assert body(f'{{"n": {given_}}}').endswith(f'"data":{{"n":{written}}}}}')


@pytest.mark.parametrize(
    ("data", "written"),
    [
        ('{"name": "\\u05e0\\u05d5\\u05e2\\u05d4 \\ud83c\\udf89 \\u2028"}', '{"name":"נועה 🎉 \u2028"}'),
        ('{"b": 1, "10": 2, "9": 3, "a": 4, "01": 5}', '{"9":3,"10":2,"b":1,"a":4,"01":5}'),
        ('[true, false, null, [], {}, "a\\"\\\\/\\n\\u0001"]', '[true,false,null,[],{},"a\\"\\\\/\\n\\u0001"]'),
    ],
)
def test_text_keys_and_constants_too(data: str, written: str) -> None:
    assert body(data).endswith(f'"data":{written}}}')


values = st.recursive(
    st.none()
    | st.booleans()
    | st.text(st.characters(codec="utf-8"))
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, to ask JavaScript itself")
@given(st.lists(values, min_size=40, max_size=40))
@settings(max_examples=8, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_javascript_itself_changes_no_byte(sample: list[object]) -> None:
    numbers = json.dumps([json.loads(f"[{given_}]")[0] for given_, _ in NUMBERS if given_ != "1e400"])
    lines = [body(numbers), *(body(json.dumps(value)) for value in sample)]
    input_ = "\n".join(lines).encode()
    result = subprocess.run(["node", "-e", ROUND_TRIP], input=input_, capture_output=True, check=True)
    assert result.stdout.decode() == f"{len(lines)} of {len(lines)}"

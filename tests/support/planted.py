"""People with something in every table, all of it told by words that stand nowhere else."""

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from models.identity.services.sessions import open_session
from models.identity.tables import User
from models.identity.values import Client
from models.kernel.clock import utc_now
from models.kernel.crypto import KeyRing
from models.kernel.files import FileStore
from models.kernel.ids import new_id
from models.kernel.session import Database, fetch
from models.kernel.settings import Settings
from tests.support.factories import (
    make_branch,
    make_course,
    make_customer,
    make_cycle,
    make_instructor,
    make_meeting,
    make_registration,
    make_student,
)

NAME, EMAIL, PHONE = 'Qzxfirst O\'Qzxlast "Qz"', "qzx+mail@planted.example", "+972509871234"
AVATAR, NOTES, ADDRESS = "https://planted.example/qzxavatar.png", "qzxnotes qzxdiary", "7 Qzxstreet"
USER_AGENT, IP, SUBJECT = "qzxbrowser/1.0", "203.0.113.77", "qzxsubject-4711"
# As they stand in text, JSON, XML and CSV alike; nobody else has any of them.
WORDS = (
    "qzx", "203.0.113.77", "972509871234", "2017-04-05", "qzxnotes", "planted.example",
)  # fmt: skip

COLUMNS = """
SELECT table_name, column_name, data_type FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
ORDER BY 1, 2
"""


class Planted(msgspec.Struct):
    user_id: UUID
    customer_id: UUID
    student_id: UUID
    cycle_id: UUID
    token: str


async def plant(database: Database, settings: Settings) -> Planted:
    """A user who is a student and an instructor, and a customer whose child the student is; by the same words."""
    async with database.transaction() as session:
        user = User(
            email=EMAIL, name=NAME, role="instructor", phone=PHONE, avatar_url=AVATAR, locale="he",
            preferences={"recentSearches": ["qzxsearch"]},
        )  # fmt: skip
        session.add(user)
        await session.flush()
        opened = await open_session(session, settings, user.id, None, Client(IP, IP, USER_AGENT))
        customer = await make_customer(
            session, name=NAME, email=EMAIL, phone=PHONE, address=ADDRESS, city="Qzxtown", notes=NOTES
        )
        student = await make_student(
            session, customer_id=customer.id, user_id=user.id, name=NAME, grade="qzxgrade", notes=NOTES,
            birth_date=utc_now().date().replace(2017, 4, 5),
        )  # fmt: skip
        instructor = await make_instructor(session, user_id=user.id, name=NAME, email=EMAIL, phone=PHONE)
        course = await make_course(session, instructor_id=instructor.id, description=f"With {NAME}.")
        branch = await make_branch(session, contact_name=NAME, contact_email=EMAIL.upper(), contact_phone=PHONE)
        cycle = await make_cycle(
            session, course_id=course.id, branch_id=branch.id, instructor_id=instructor.id, name=f"Piano, {NAME}"
        )
        money = {"revenue": Decimal(380), "instructor_payment": Decimal(180), "profit": Decimal(200)}
        await make_meeting(
            session, cycle, status="completed", notes=f"{NAME} was late.", topic=f"Ask {EMAIL}.", **money
        )
        registration = await make_registration(
            session, cycle, student_id=student.id, notes=NOTES, invoice_link="https://planted.example/invoice",
            amount_paid=Decimal(300), status="cancelled", cancelled_at=utc_now(), cancellation_reason=NOTES,
        )  # fmt: skip
        await _around(session, settings, user.id)
        await _after(session, user.id, customer.id, student.id, registration.id)
    await _change_them(database)
    return Planted(user.id, customer.id, student.id, cycle.id, opened.access_token)


async def _around(session: Any, settings: Settings, user_id: UUID) -> None:
    """What else identity keeps."""
    soon, id_ = utc_now() + timedelta(hours=1), new_id()
    for sql, *args in (
        ("INSERT INTO second_factors (user_id, secret) VALUES ($1, 'x.qzxsecret')", user_id),
        ("INSERT INTO recovery_codes VALUES ($1, 'qzxcode')", user_id),
        (
            "INSERT INTO mailed_links (id, purpose, email, name, phone, expires_at)"
            " VALUES ($1, 'invitation', $2, $3, $4, $5)",
            id_, EMAIL.upper(), NAME, PHONE, soon,
        ),
        (
            "INSERT INTO provider_identities (id, user_id, provider, subject, email) VALUES ($1, $2, 'google', $3, $4)",
            new_id(), user_id, SUBJECT, EMAIL,
        ),
        (
            "INSERT INTO provider_checks (id, provider, identity) VALUES ($1, 'google', $2::text::jsonb)",
            new_id(), _json({"email": EMAIL, "name": NAME, "subject": SUBJECT}),
        ),
        (
            "INSERT INTO api_keys (id, name, prefix, secret_hash, scopes, created_by)"
            " VALUES ($1, $2, 'bw', 'h', '{}', $3)",
            new_id(), f"Key of {NAME}", user_id,
        ),
    ):  # fmt: skip
        await fetch(session, sql, *args)
    body = KeyRing(settings.encryption_keys).encrypt_bytes(_json({"name": NAME, "email": EMAIL}).encode())
    answer = (
        "INSERT INTO keyed_answers (caller, key, fingerprint, status, headers, body) VALUES ($1, $2, 'f', 201, '', $3)"
    )
    await fetch(session, answer, f"user:{user_id}", "own", body)
    await fetch(session, answer, "api_key:1", "somebody else's", body)


async def _after(session: Any, user_id: UUID, customer_id: UUID, student_id: UUID, registration_id: UUID) -> None:
    """What the platform keeps of what has happened."""
    owner, told = f"user:{user_id}", _json({"text": f"Dear\n{NAME}, we wrote to {EMAIL} and rang {PHONE}."})
    job, endpoint, event, delivery = new_id(), new_id(), new_id(), new_id()
    for sql, *args in (
        (
            "INSERT INTO jobs (id, kind, queue, payload, status, priority, owner, run_at, max_attempts, result, error,"
            " progress_message, state, steps, finished_at, callback_url, tags) VALUES ($1, 'probe.echo', 'default',"
            " $2::text::jsonb, 'failed', 5, $3, now(), 1, $2::text::jsonb, $2::text::jsonb, $4, $2::text::jsonb,"
            " '[]', now(), $5, $6)",
            job, told, owner, f"Writing to {EMAIL}", f"https://example.com/?to={EMAIL}",
            ["import", f"of {NAME}", EMAIL],
        ),
        (
            "INSERT INTO job_attempts (job_id, attempt, worker, started_at, finished_at, outcome, error)"
            " VALUES ($1, 1, 'w', now(), now(), 'failed', $2::text::jsonb)",
            job, told,
        ),
        (
            "INSERT INTO job_log_lines (job_id, number, attempt, at, level, message, fields)"
            " VALUES ($1, 1, 1, now(), 'info', $2, $3::text::jsonb)",
            job, f"Written to {NAME} at {EMAIL}", told,
        ),
        (
            "INSERT INTO schedules (id, name, kind, payload, priority, cron, timezone, catch_up, owner, key,"
            " last_error, tags, callback_url) VALUES ($1, $2, 'probe.echo', $3::text::jsonb, 5, '0 3 * * *', 'UTC',"
            " 'skip', $4, $2, $3::text::jsonb, ARRAY[$2], $5)",
            new_id(), f"Remind {NAME}", told, owner, f"https://example.com/?to={EMAIL}",
        ),
        (
            "INSERT INTO messages (id, channel, template, recipient, recipient_name, subject, text, html)"
            " VALUES ($1, 'email', 'custom', $2, $3, 'qzxsubject', 'qzxtext', 'qzxhtml')",
            new_id(), EMAIL.title(), NAME,
        ),
        (
            "INSERT INTO messages (id, channel, template, recipient, subject, text, html)"
            " VALUES ($1, 'email', 'custom', 'office@example.com', $2, $3, $4)",
            new_id(), f"About {NAME}", f"Ring {PHONE}.", f"<p>{EMAIL}</p>",
        ),
        (
            "INSERT INTO webhook_endpoints (id, url, event_types, secret, description, created_by)"
            " VALUES ($1, 'https://example.com', '{}', 'x.y', $2, $3)",
            endpoint, f"Of {NAME}", owner,
        ),
        (
            "INSERT INTO events (id, type, resource_type, resource_id, payload, actor, position)"
            " VALUES ($1, 'customer.updated', 'customer', $2, $3::text::jsonb, $4, 1)",
            event, customer_id, _json({"name": NAME, "email": EMAIL, "city": "Qzxtown", "notes": NOTES}), owner,
        ),
        (
            "INSERT INTO events (id, type, resource_type, resource_id, payload, actor, position)"
            " VALUES ($1, 'student.updated', 'student', $2, $3::text::jsonb, $4, 2)",
            new_id(), student_id, _json({"name": NAME, "birthDate": "2017-04-05", "grade": "qzxgrade"}), owner,
        ),
        (
            "INSERT INTO events (id, type, resource_type, resource_id, payload, actor, position)"
            " VALUES ($1, 'registration.updated', 'registration', $2, $3::text::jsonb, $4, 3)",
            new_id(), registration_id, _json({"notes": NOTES, "amount": 1200, "studentName": NAME}), owner,
        ),
        (
            "INSERT INTO webhook_deliveries (id, endpoint_id, event_id, event_type, sequence)"
            " VALUES ($1, $2, $3, 'customer.updated', 1)",
            delivery, endpoint, event,
        ),
        (
            "INSERT INTO webhook_attempts (delivery_id, number, started_at, answer) VALUES ($1, 1, now(), $2)",
            delivery, f"thanks for {EMAIL}",
        ),
    ):  # fmt: skip
        await fetch(session, sql, *args)


async def _change_them(database: Database) -> None:
    """So that the trail has old values as well as new ones, also of rows that are gone."""
    origin = _json({"actor": "user:1", "client_ip": "192.0.2.1"})
    for sql in (
        f"UPDATE users SET name = name || ' qzxformer' WHERE email = '{EMAIL}'",
        "UPDATE customers SET notes = 'qzxformer notes'",
        "UPDATE students SET grade = 'qzxformer grade'",
        "UPDATE registrations SET notes = 'qzxformer registration'",
        "INSERT INTO sessions (id, user_id, family_hash, refresh_hash, expires_at, address, user_agent)"
        f" SELECT gen_random_uuid(), id, 'gone', 'x', now(), '{IP}', '{USER_AGENT}' FROM users WHERE email = '{EMAIL}'",
        "DELETE FROM sessions WHERE family_hash = 'gone'",
        "UPDATE branches SET contact_name = contact_name || ' (office)'",
    ):
        async with database.transaction() as session:
            await fetch(session, "SELECT set_config('bellwork.origin', $1, true)", origin)
            await fetch(session, sql)


async def places(database: Database, settings: Settings, words: tuple[str, ...] = WORDS) -> dict[str, set[str]]:
    """Where any of the words stands: in every column of every table, in what is encrypted, and in every file."""
    found: dict[str, set[str]] = {}
    for row in await database.fetch(COLUMNS):
        table, column = row["table_name"], row["column_name"]
        text = f"encode({column}, 'escape')" if row["data_type"] == "bytea" else f"{column}::text"
        for word in words:
            if await database.fetch(f"SELECT FROM {table} WHERE {text} ILIKE $1 LIMIT 1", f"%{word}%"):
                found.setdefault(f"{table}.{column}", set()).add(word)
    keys = KeyRing(settings.encryption_keys)
    for row in await database.fetch("SELECT body FROM keyed_answers"):
        _note(found, "keyed_answers.body", keys.decrypt_bytes(row["body"]), words)
    for path in stored_files(settings):
        for part in _contents(path.read_bytes()):
            _note(found, f"file {path.name}", part, words)
    return found


def stored_files(settings: Settings) -> list[Path]:
    FileStore(settings.files_url)
    folder = Path(settings.files_url.removeprefix("file:").replace("//", "/", 1))
    return [path for path in folder.rglob("*") if path.is_file()]


def _contents(content: bytes) -> Iterator[bytes]:
    yield content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _contents(archive.read(name))


def _note(found: dict[str, set[str]], place: str, content: bytes, words: tuple[str, ...]) -> None:
    text = content.decode(errors="replace").lower()
    for word in words:
        if word in text:
            found.setdefault(place, set()).add(word)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()

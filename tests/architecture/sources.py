"""What can be told from a module's source alone; each rule names the lines that break it."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.servers import REPOSITORY

PACKAGES = ("api", "tasks", "scheduler", "models")
SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH \w+|COPY|TRUNCATE|LISTEN|NOTIFY|SET LOCAL|LOCK TABLE)\s+\S",
    re.ASCII,
)
STATEMENTS = {"select", "insert", "update", "delete", "text", "exists", "union_all"}
SQL_ROLES = ("queries.py", "tables.py")
SQL_IN_THE_KERNEL = {
    "base.py", "clock.py", "crud.py", "integrity.py", "paging.py", "reach.py", "session.py", "signals.py",
}  # fmt: skip
SENDING = {"apply_async", "delay", "send_task", "create_task_message", "Producer", "SimpleQueue", "publish"}

Rule = Callable[[Path, str], Iterator[str]]


def modules() -> Iterator[tuple[Path, str]]:
    """Every module of the program: its path in the repository, and its source."""
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            yield path.relative_to(REPOSITORY), path.read_text()


def violations(rule: Rule) -> list[str]:
    return [found for path, source in modules() for found in rule(path, source)]


def commits(path: Path, source: str) -> Iterator[str]:
    """`.commit()` stands in the kernel's session only; a request's `unit` asks it to."""
    if path == Path("models/kernel/session.py"):
        return
    for call in _calls(source):
        if (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "commit"
            and _last_name(call.func.value) != "unit"
        ):
            yield f"{path}:{call.lineno} commits"


def sql_elsewhere(path: Path, source: str) -> Iterator[str]:
    """SQL stands in `queries`, `tables` and `…_queries`, in the kernel's few helpers, and in migrations."""
    if path.name.endswith(SQL_ROLES) or "migrations" in path.parts:
        return
    if path.parts[:2] == ("models", "kernel") and path.name in SQL_IN_THE_KERNEL:
        return
    tree = ast.parse(source)
    documentation = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if SQL.match(text) and id(node) not in documentation:
            yield f"{path}:{node.lineno} holds SQL: {text.strip()[:40]}"  # type: ignore[attr-defined]
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sqlalchemy"):
            for name in sorted(STATEMENTS & {alias.name for alias in node.names}):
                yield f"{path}:{node.lineno} builds a statement with `{name}`"


def broker_sends(path: Path, source: str) -> Iterator[str]:
    """Messages are put on the broker by the scheduler only."""
    if path.parts[0] == "scheduler":
        return
    for call in _calls(source):
        if isinstance(call.func, ast.Attribute) and call.func.attr in SENDING:
            yield f"{path}:{call.lineno} sends by `{call.func.attr}`"
    for node in ast.walk(ast.parse(source)):
        names = [node.module] if isinstance(node, ast.ImportFrom) else _imported(node)
        if any(name and name.partition(".")[0] == "kombu" for name in names):
            yield f"{path} imports kombu"


def _calls(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def _imported(node: ast.AST) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr.lstrip("_")
    return node.id.lstrip("_") if isinstance(node, ast.Name) else ""


def _has_docstring(node: ast.AST) -> bool:
    documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    return documented and ast.get_docstring(node) is not None  # type: ignore[arg-type]

"""`python -m cli.advisories requirements.lock …`: whether a known vulnerability is in what the lock names.

Nothing is installed. Fails for vulnerabilities alone: where the advisories cannot be had, one line says so.
"""

import json
import subprocess
import sys
from typing import Any

PATIENCE_SECONDS = 120.0
COMMAND = (
    "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "10",
    "--format", "json",
)  # fmt: skip


def main() -> None:
    locks = sys.argv[1:]
    requirements = [word for lock in locks for word in ("--requirement", lock)]
    faults, note = judge(_ask([sys.executable, *COMMAND, *requirements]))
    print("\n".join([*faults, note]))
    sys.exit(1 if faults else 0)


def judge(answer: str | None) -> tuple[list[str], str]:
    """A line for each vulnerability, and one for how far one could look; `answer` is pip-audit's, None without one."""
    dependencies = _dependencies(answer)
    looked_at = [each for each in dependencies if "skip_reason" not in each]
    faults = [_line(each, found) for each in looked_at for found in each["vulns"]]
    if not looked_at:
        return [], "dependencies were not audited: the advisories cannot be reached from here"
    missing = len(dependencies) - len(looked_at)
    note = f"{len(looked_at)} dependencies audited, {len(faults)} vulnerabilities known"
    return faults, note + (f"; {missing} could not be looked up" if missing else "")


def _ask(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout


def _dependencies(answer: str | None) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(answer or "")["dependencies"]
    except (ValueError, KeyError, TypeError):
        return []
    return found


def _line(dependency: dict[str, Any], found: dict[str, Any]) -> str:
    fixed = ", ".join(found.get("fix_versions", [])) or "no version"
    return f"{dependency['name']} {dependency['version']}: {found['id']}, fixed in {fixed}"


if __name__ == "__main__":
    main()

"""Act c: meetings are completed in bulk, the money is recalculated and compared with the demo's own ledger."""

from collections.abc import Mapping
from decimal import Decimal

from cli.demo.client import Json
from cli.demo.ledger import Sum, expected_sums
from cli.demo.scene import Scene

Sums = Mapping[str, Sum]


async def play(scene: Scene) -> None:
    done = await _complete(scene)
    corrected = await _correct(scene)
    result = await _recalculate(scene, "money recalculated", done)
    text = f"recalculating changes the {corrected} meetings of the corrected cycle only"
    scene.stage.check(text, result["changed"] == corrected, result)
    again = await _recalculate(scene, "recalculated again", done)
    scene.stage.check("recalculating again changes nothing", again["changed"] == 0, again)
    expected, found = expected_sums(scene.school), await _found_sums(scene)
    _show(scene, found)
    _compare(scene, expected, found, result)
    scene.figures["money"] = {
        "completed": len(done), "corrected": corrected, "currencies": _figures(_by_currency(scene, found)),
        "cycles": _figures(found),
    }  # fmt: skip


async def _complete(scene: Scene) -> list[str]:
    """All but the last meetings of a few cycles. Returns their ids."""
    meetings = await scene.read_meetings()
    ids: list[str] = []
    for cycle in scene.school.cycles:
        ids += [row["id"] for row in meetings[cycle.key][: cycle.total - cycle.unfinished]]
    result = await _run(scene, "meetings completed", "/meetings/bulk-update-status", meetingIds=ids, status="completed")
    finished = sum(cycle.unfinished == 0 for cycle in scene.school.cycles)
    as_wanted = (result["changed"], result["refusedTotal"], result["cyclesCompleted"]) == (len(ids), 0, finished)
    scene.stage.check(f"{len(ids)} meetings are completed, and with them {finished} cycles", as_wanted, result)
    return ids


async def _correct(scene: Scene) -> int:
    """Somebody notices a wrong price. Returns how many completed meetings have been priced by it."""
    meetings = 0
    for cycle in scene.school.cycles:
        if cycle.mistaken_revenue is not None:
            terms = {"meetingRevenue": cycle.meeting_revenue}
            await scene.api.patch(f"/cycles/{scene.ids[cycle.key]}", terms)
            scene.stage.tell(f"{cycle.name} earns {cycle.meeting_revenue}, not {cycle.mistaken_revenue} per meeting")
            meetings += cycle.total - cycle.unfinished
    return meetings


async def _recalculate(scene: Scene, label: str, meeting_ids: list[str]) -> Json:
    return await _run(scene, label, "/finance/recalculate", meetingIds=meeting_ids)


async def _run(scene: Scene, label: str, path: str, **order: object) -> Json:
    with scene.stage.bar(label) as bar:
        job = await scene.api.follow(await scene.api.start(path, order), bar)
    result: Json = (await scene.api.succeed(job))["result"]
    return result


async def _found_sums(scene: Scene) -> dict[str, Sum]:
    """What the platform has written into the meetings, by the key of the cycle."""
    sums = {}
    for key, rows in (await scene.read_meetings()).items():
        completed = [row for row in rows if row["status"] == "completed"]
        revenue, pay = (sum((row[name] for row in completed), Decimal(0)) for name in ("revenue", "instructorPayment"))
        profit = sum((row["profit"] for row in completed), Decimal(0))
        scene.stage.require(profit == revenue - pay, f"profit of {key} is revenue less pay", profit)
        sums[key] = Sum(len(completed), revenue, pay)
    return sums


def _show(scene: Scene, found: Sums) -> None:
    rows: list[tuple[str, ...]] = []
    for branch in scene.school.branches:
        cycles = [cycle for cycle in scene.school.cycles if cycle.branch == branch.key]
        rows += [(cycle.name, branch.currency, *_cells(found[cycle.key])) for cycle in cycles]
        rows.append((f"= {branch.city}", branch.currency, *_cells(_by_currency(scene, found)[branch.currency])))
    scene.stage.table(("cycle", "", "given", "revenue", "pay", "profit"), rows, numbers_from=2)


def _compare(scene: Scene, expected: Sums, found: Sums, result: Json) -> None:
    wrong = {key: (found[key], expected[key]) for key in expected if found[key] != expected[key]}
    text = f"revenue, pay and profit of all {len(expected)} cycles are those of the demo's own ledger, to the cent"
    scene.stage.check(text, not wrong, wrong)
    told = {each["currency"]: (each["revenue"], each["instructorPayment"]) for each in result["totals"]}
    own = {currency: (each.revenue, each.pay) for currency, each in _by_currency(scene, expected).items()}
    scene.stage.check("so are the totals per currency that the job reports", told == own, (told, own))


def _by_currency(scene: Scene, sums: Sums) -> dict[str, Sum]:
    totals: dict[str, Sum] = {}
    for cycle in scene.school.cycles:
        currency, one = scene.school.branch(cycle.branch).currency, sums[cycle.key]
        so_far = totals.get(currency, Sum(0, Decimal(0), Decimal(0)))
        totals[currency] = Sum(so_far.meetings + one.meetings, so_far.revenue + one.revenue, so_far.pay + one.pay)
    return totals


def _cells(one: Sum) -> tuple[str, ...]:
    return (str(one.meetings), *(f"{amount:,.2f}" for amount in (one.revenue, one.pay, one.profit)))


def _figures(sums: Sums) -> Json:
    return {
        key: {"meetings": one.meetings, "revenue": one.revenue, "pay": one.pay, "profit": one.profit}
        for key, one in sums.items()
    }

"""Act d: a receiver, a process of its own, gets what happened as signed webhooks and refuses some on purpose."""

from cli.demo.scene import Scene


async def play(scene: Scene) -> None:
    counts = await scene.inbox.wait_for_all()
    scene.stage.check(f"the receiver refused {counts['refused']} deliveries on purpose", counts["refused"] > 0, counts)
    scene.figures["webhooks"] = scene.inbox.check_all()

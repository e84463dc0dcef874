"""Act f: a worker dies in the middle of its work, and the broker forgets everything; nothing is lost or done twice."""

from cli.demo.emptied_broker import empty_the_broker
from cli.demo.killed_worker import kill_the_worker
from cli.demo.scene import Scene


async def play(scene: Scene) -> None:
    await scene.inbox.wait_for_all()
    await scene.inbox.listen_to(["job.*", "export.ready"])
    figures = {"killedWorker": await kill_the_worker(scene), "emptiedBroker": await empty_the_broker(scene)}
    await scene.inbox.wait_for_all()
    figures["webhooks"] = scene.inbox.check_all()
    scene.figures["failures"] = figures

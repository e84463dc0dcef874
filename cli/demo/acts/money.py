"""Act c."""

from cli.demo.scene import Scene


async def play(scene: Scene) -> None: ...

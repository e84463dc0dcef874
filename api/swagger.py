"""Swagger UI from files of our own: it works without the network and under a policy that allows no foreign script."""

import importlib.metadata
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Controller, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.params import FromPath
from litestar.response import Redirect

from api.auth import public

PACKAGE = "offapi"
ASSETS = f"/swagger/assets/{importlib.metadata.version(PACKAGE)}"
CACHED = {"cache-control": "public, max-age=31536000, immutable"}
START = b"""
SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
ICON = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#2d6a4f" d="M16 3a3 3 0 0 0-3 3v.6
A9 9 0 0 0 7 15v7l-3 3v1h24v-1l-3-3v-7a9 9 0 0 0-6-8.4V6a3 3 0 0 0-3-3zm-3 24a3 3 0 0 0 6 0z"/></svg>"""
PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Bellwork API</title>
  <link rel="icon" type="image/svg+xml" href="{ASSETS}/icon.svg">
  <link rel="stylesheet" href="{ASSETS}/swagger_style.css">
</head>
<body>
  <div id="swagger"></div>
  <script src="{ASSETS}/swagger_bundle.js"></script>
  <script src="{ASSETS}/start.js"></script>
</body>
</html>
"""


class SwaggerUI(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/swagger")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return PAGE.encode()


class SwaggerController(Controller):
    path = "/swagger"
    guards = (public,)
    include_in_schema = False

    @get("/")
    async def show(self) -> Redirect:
        return Redirect("/schema/swagger")

    @get("/assets/{version:str}/{name:str}")
    async def get_asset(self, version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        """The version in the path lets a browser keep the file for ever."""
        assets = _assets()
        if name not in assets or version != ASSETS.rpartition("/")[2]:
            raise NotFoundException("There is no such file.")
        type_, content = assets[name]
        return Response(content, media_type=type_, headers=CACHED)


@cache
def _assets() -> dict[str, tuple[str, bytes]]:
    """Read without importing the package, which would load the files of other viewers too."""
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    return {
        "swagger_bundle.js": ("text/javascript", folder.joinpath("swagger_bundle.js").read_bytes()),
        "swagger_style.css": ("text/css", folder.joinpath("swagger_style.css").read_bytes()),
        "start.js": ("text/javascript", START),
        "icon.svg": ("image/svg+xml", ICON),
    }

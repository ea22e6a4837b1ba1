"""The template of the path that an application matched a request with, where its framework says so in the scope."""

from typing import Any

from callboard.events.request_line import MAX_ENDPOINT, without_ids
from callboard.request_log.asgi import Scope


def route_of(scope: Scope, root: str) -> str | None:
    """Return the template, such as ``/items/{id}``, from a ``scope`` that the application is done with.

    Starlette and FastAPI leave their route there, Litestar the template itself. ``root`` is the ``root_path`` that the
    scope came with: an application mounted below another one knows its routes from there on. None where nothing says
    so, or no route matched.
    """
    template = scope.get("path_template") or _template(scope, root)
    return template[:MAX_ENDPOINT] if isinstance(template, str) and template.startswith("/") else None


def _template(scope: Scope, root: str) -> Any:
    route = scope.get("route")
    path = getattr(route, "path", None)
    if not isinstance(path, str):
        return None
    below = _below(scope, root)
    # A mount is the last to match when what is mounted has no routes: its path is below the root already.
    return f"{below}/{{path}}" if hasattr(route, "routes") else below + path


def _below(scope: Scope, root: str) -> str:
    """Return where the application that answered is mounted, without what may differ from request to request."""
    now, path = scope.get("root_path", ""), scope.get("path", "")
    below = now[len(root) :] if isinstance(now, str) and now.startswith(root) else ""
    return without_ids(below) if path.startswith((below, now)) else ""

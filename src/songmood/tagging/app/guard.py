"""Who may ask: this machine's own page alone, by name; and what that page may do."""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "media-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
SAFE = ("GET", "HEAD")


class Guard:
    """Lets requests to this server's own names pass, and changes only from its own page.

    A page elsewhere can make a browser ask 127.0.0.1, under a name of its own (DNS rebinding) or this one's (forgery):
    the first shows in ``Host``, the second in ``Origin``.

    Args:
        app: what is guarded.
        hosts: names with ports, such as ``127.0.0.1:8766``.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if reason := self._refusal(scope["method"], Headers(scope=scope)):
            await PlainTextResponse(reason, 403, HEADERS)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> str:
        if headers.get("host") not in self._hosts:
            return "this server answers to its own name only"
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins:
            return "another page asked"
        return "" if method in SAFE or origin is not None else "a change needs an Origin"

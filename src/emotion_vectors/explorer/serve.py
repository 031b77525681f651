"""Serve the page: on this machine alone unless there is a password, and with nothing loaded from another one."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from emotion_vectors.errors import UserError
from emotion_vectors.explorer.models import Models
from emotion_vectors.explorer.runs import names

FIRST_PORT, PORTS = 7860, 100
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1")
# What the browser may load and where it may send: this server only. Gradio's page needs inline scripts and styles.
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'self'; object-src 'none'"
)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_host(host: str, password: str | None) -> None:
    """Refuse to be open to others without a password."""
    if not is_loopback(host) and not password:
        raise UserError(f"--host {host} lets others reach this page; add --password, or leave --host out.")


def free_port(host: str, wanted: int | None) -> int:
    """`wanted` if it is free, else a `UserError`; without it the first free port from 7860 on."""
    tried = [wanted] if wanted is not None else range(FIRST_PORT, FIRST_PORT + PORTS)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in tried:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.strip("[]"), port))
                return int(probe.getsockname()[1])
            except OSError:
                continue
    what = (
        f"Port {wanted} of {host}"
        if wanted is not None
        else f"Every port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} of {host}"
    )
    raise UserError(f"{what} can't be used; give another with --port.")


def guarded(app: Asgi, host: str, password: str | None) -> Asgi:
    """`app` behind our policy, a check of the Host header on loopback, and the password if there is one."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}

        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = {
                    b"content-security-policy": POLICY,
                    b"referrer-policy": "no-referrer",
                    b"x-content-type-options": "nosniff",
                }
                message["headers"] = [
                    *message.get("headers", []),
                    *((key, value.encode()) for key, value in extra.items()),
                ]
            await send(message)

        # A page of another site that resolves its own name to 127.0.0.1 sends that name.
        if is_loopback(host) and _without_port(headers.get("host", "")) not in LOOPBACK_NAMES:
            await _refuse(with_policy, 421, "This page answers to 127.0.0.1 and localhost only.")
        elif password and not authorised(headers.get("authorization", ""), password):
            await _refuse(
                with_policy,
                401,
                "The password is missing or wrong.",
                [(b"www-authenticate", b'Basic realm="emotion-vectors"')],
            )
        else:
            await app(scope, receive, with_policy)

    return guard


def _without_port(host: str) -> str:
    head, colon, port = host.rpartition(":")
    return head if colon and port.isdigit() and (head.endswith("]") or ":" not in head) else host


def authorised(header: str, password: str) -> bool:
    """Whether an Authorization header carries the password (basic scheme, any user name)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return False
    return hmac.compare_digest(given.encode(), password.encode())


async def _refuse(send: Send, status: int, why: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"text/plain; charset=utf-8"), *(headers or [])],
        }
    )
    await send({"type": "http.response.body", "body": why.encode()})


def application(folders: list[Path], models: Models, host: str, password: str | None) -> Asgi:
    """The whole web application over some runs."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    try:
        import fastapi
        import gradio as gr
    except ImportError as error:
        raise UserError("The explorer needs gradio: pip install 'emotion-vectors[ui]'.") from error
    from emotion_vectors.explorer.app import asset, make_page, theme

    page = make_page(names(folders), models)
    mounted = gr.mount_gradio_app(
        fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None), page, path="/", server_name=host, theme=theme(),
        css=asset("style.css"), head=f"<script>{asset('page.js')}</script>", footer_links=[], run_history=False, ssr_mode=False,
        pwa=False, mcp_server=False, enable_monitoring=False, show_error=True,
    )  # fmt: skip
    return guarded(mounted, host, password)


def serve(folders: list[Path], host: str, port: int | None, password: str | None, models: Models) -> None:
    """Print the address and serve until Ctrl-C. Raises `KeyboardInterrupt` then."""
    check_host(host, password)
    names(folders)
    chosen = free_port(host, port)
    app = application(folders, models, host, password)
    import uvicorn

    # PyTorch is loaded while the visitor looks around, so that the first reading need not wait for it.
    Thread(target=import_module, args=("emotion_vectors.lm.model",), daemon=True).start()

    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    print(f"Explorer: http://{shown}:{chosen} (Ctrl-C ends it)", flush=True)
    uvicorn.run(app, host=host.strip("[]"), port=chosen, log_level="warning", timeout_graceful_shutdown=1)  # pyright: ignore[reportArgumentType]
    raise KeyboardInterrupt

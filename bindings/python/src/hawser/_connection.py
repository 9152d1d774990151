"""What connections have in common, with asyncio and without: who gets an event, and what is kept until it is asked for."""

from __future__ import annotations

from collections import deque
from typing import Any, Mapping, TypeAlias, Union

from . import raw
from .errors import ConnectionClosed, HawserError

Message: TypeAlias = Union[str, bytes, bytearray, memoryview]

# What an application may leave unread before its peer is read no further.
MOST_MESSAGES = 64
MOST_BYTES = 1 << 20

QUIET_ENDS = (1000, 1001)  # RFC 6455 7.4.1: nothing went wrong


def make_options(settings: Mapping[str, Any], **defaults: Any) -> raw.Options:
    """An options handle from keyword arguments: those of docs/options.md, and headers and certificates."""
    options = raw.Options()
    for name, value in {**defaults, **settings}.items():
        if name == "requests":
            raise HawserError(raw.ERR_UNSUPPORTED, "requests are vetted and answered in hawser.raw")
        if name == "headers":
            for header, text in value.items() if isinstance(value, Mapping) else value:
                options.add_header(header, text)
        elif name == "certificates":
            for host, chain, key in value:
                options.add_certificate(host, chain, key)
        elif isinstance(value, str):
            options.set_text(name, value)
        else:
            options.set_int(name, value)
    return options


class Connection:
    """One WebSocket. Whatever is not public is called by the thread that polls."""

    def __init__(self, dispatcher: Dispatcher, identity: int) -> None:
        self._dispatcher = dispatcher
        self._manager = dispatcher.manager
        self.id = identity
        self.path: str | None = None
        self.subprotocol: str | None = None
        self.extensions: str | None = None
        self.peer_address: str | None = None
        self._messages: deque[str | bytes] = deque()
        self._unread = 0  # bytes in them
        self._paused = False
        self._is_open = False
        self._is_closing = False
        self._end: ConnectionClosed | None = None

    # What was agreed on can be read in the batch of OPEN.
    def _on_open(self) -> None:
        self._is_open = True
        self.path = self._manager.path(self.id)
        self.subprotocol = self._manager.subprotocol(self.id)
        self.extensions = self._manager.extensions(self.id)
        self.peer_address = self._manager.peer_address(self.id)

    def _on_message(self, message: str | bytes) -> None:
        if self._is_closing:
            return
        self._messages.append(message)
        self._unread += len(message)
        if not self._paused and (self._unread > MOST_BYTES or len(self._messages) >= MOST_MESSAGES):
            self._paused = True
            self._manager.pause(self.id)

    def _on_close(self, event: raw.Event) -> ConnectionClosed:
        clean = bool(event.flags & raw.CLEAN)
        status = event.system if event.error == raw.ERR_HTTP else 0
        assert isinstance(event.data, str) and event.text is not None
        self._end = ConnectionClosed(event.error or raw.ERR_CLOSED, event.text, event.code, event.data, clean, status)
        return self._end

    def _take_message(self) -> str | bytes:
        message = self._messages.popleft()
        self._unread -= len(message)
        return message

    @property
    def _has_room(self) -> bool:
        """Time to read on: a quarter is left."""
        return self._unread <= MOST_BYTES // 4 and len(self._messages) <= MOST_MESSAGES // 4

    def _resume(self) -> None:
        self._paused = False
        if self._end is None:
            self._manager.resume(self.id)

    def _begin_close(self, code: int, reason: str | None) -> None:
        """Whoever has closed reads no more, and waits for the peer's Close."""
        self._manager.close(self.id, code, reason)
        self._is_closing = True

    @property
    def close_code(self) -> int | None:
        """The peer's close code once the connection has ended; None before."""
        return self._end.close_code if self._end else None

    @property
    def close_reason(self) -> str | None:
        return self._end.reason if self._end else None


class Dispatcher:
    """A manager, and who is told what happens to which id."""

    def __init__(self) -> None:
        self.manager = raw.Manager()
        self.owners: dict[int, Any] = {}

    def dispatch(self, events: list[raw.Event]) -> None:
        owners = self.owners
        for event in events:
            kind = event.kind
            if kind == raw.EVENT_MESSAGE:
                owners[event.connection]._on_message(event.data)
            elif kind == raw.EVENT_OPEN and event.listener:
                self._accept(event)
            elif kind == raw.EVENT_OPEN:
                owners[event.connection]._on_open()
            elif kind == raw.EVENT_CLOSE and event.connection in owners:
                owners.pop(event.connection)._on_close(event)
            elif kind == raw.EVENT_DRAIN:
                owners[event.connection]._on_drain()
            elif kind == raw.EVENT_PONG:
                owners[event.connection]._on_pong(event.data)

    def _accept(self, event: raw.Event) -> None:
        server = self.owners.get(event.listener)
        if server is None:  # it was closed in the same batch
            self.manager.close(event.connection, 1001)
            return
        connection = server._connection(event.connection)
        self.owners[event.connection] = connection
        connection._on_open()
        server._on_connection(connection)

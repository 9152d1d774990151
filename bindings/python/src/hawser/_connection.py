"""What connections have in common, with asyncio and without: who gets an event, and what is kept until it is asked for."""

from __future__ import annotations

import os
from collections import deque
from copy import copy
from typing import Any, Callable, Iterator, Mapping, TypeAlias, TypeVar, Union

from . import raw
from .errors import ConnectionClosed, HawserError

Message: TypeAlias = Union[str, bytes, bytearray, memoryview]
Pong = TypeVar("Pong")

# What an application may leave unread before its peer is read no further.
MOST_MESSAGES = 64
MOST_BYTES = 1 << 20

QUIET_ENDS = (1000, 1001, 1005)  # RFC 6455 7.4.1: nothing went wrong; 1005: a Close without a code, as of a browser's close()
ENDED = (raw.ERR_CLOSED, raw.ERR_STALE)  # the library knows of an end, whose CLOSE may be still to come


def answered(pings: dict[bytes, Pong], data: bytes) -> Iterator[Pong]:
    """Takes those of the pings that a pong answers: its own and all before it (RFC 6455 5.5.3)."""
    while data in pings:
        yield pings.pop(next(iter(pings)))


def make_options(settings: Mapping[str, Any]) -> raw.Options:
    """An options handle from keyword arguments: those of docs/reference/options.md, and headers and certificates."""
    options = raw.Options()
    # What pings wait for, and what `header` reads.
    for name, value in {**settings, "pongs": 1, "keep_handshake": 1}.items():
        if name in ("requests", "parts"):
            raise HawserError(raw.ERR_OPTION, f"the option {name} is for hawser.raw")
        if name == "headers":
            for header, text in value.items() if isinstance(value, Mapping) else value:
                options.add_header(header, text)
        elif name == "certificates":
            for host, chain, key in value:
                options.add_certificate(host, os.fspath(chain), os.fspath(key))
        else:
            set_option(options, name, value)
    return options


def set_option(options: raw.Options, name: str, value: Any) -> None:
    try:
        if isinstance(value, int):
            options.set_int(name, value)
        elif isinstance(value, (str, os.PathLike)):
            options.set_text(name, os.fspath(value))
        else:
            raise TypeError(f"the option {name} takes an int or a str, not {type(value).__name__}")
    except HawserError as error:
        raise HawserError(error.code, f"{name}={value!r}: {error.words}") from None


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
        self._own_pings = 0  # whose data we chose
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
            self._dispatcher.act(lambda: self._manager.pause(self.id))

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
            self._dispatcher.act(lambda: self._manager.resume(self.id))

    def _begin_close(self, code: int, reason: str | None) -> None:
        """Whoever has closed reads no more, and waits for the peer's Close."""
        self._dispatcher.act(lambda: self._manager.close(self.id, code, reason))
        self._is_closing = True

    def _begin_abort(self) -> None:
        if self._end is None:
            self._dispatcher.act(lambda: self._manager.abort(self.id))
            self._is_closing = True

    def _data_of_ping(self, data: bytes | None) -> bytes:
        if data is not None:
            return bytes(data)
        self._own_pings += 1
        return self._own_pings.to_bytes(8, "big")

    def _why(self) -> ConnectionClosed:
        """A new one each time: those that were raised keep frames alive."""
        assert self._end is not None
        return copy(self._end)

    @property
    def close_code(self) -> int | None:
        """The peer's close code once the connection has ended; None before."""
        return self._end.close_code if self._end else None

    @property
    def close_reason(self) -> str | None:
        return self._end.reason if self._end else None


class Dispatcher:
    """A manager, and who is told what happens to which id."""

    def __init__(self, options: raw.Options | None = None) -> None:
        self.manager = raw.Manager(options)
        self.owners: dict[int, Any] = {}

    def act(self, function: Callable[[], Any]) -> None:
        """Calls it. That it has ended is no error of whoever wanted an end."""
        try:
            function()
        except HawserError as error:
            if error.code not in ENDED:
                raise
        self.changed()

    def changed(self) -> None:
        """Something was said that is to be sent."""

    def dispatch(self, events: list[raw.Event]) -> None:
        owners = self.owners
        for event in events:
            kind = event.kind
            if kind == raw.EVENT_OPEN and event.listener:
                self._accept(event)
                continue
            owner = owners.get(event.connection)
            if owner is None:  # accepted after its server was closed: see _accept
                continue
            if kind == raw.EVENT_MESSAGE:
                owner._on_message(event.data)
            elif kind == raw.EVENT_OPEN:
                owner._on_open()
            elif kind == raw.EVENT_CLOSE:
                owners.pop(event.connection)._on_close(event)
            elif kind == raw.EVENT_DRAIN:
                owner._on_drain()
            elif kind == raw.EVENT_PONG:
                owner._on_pong(event.data)

    def _accept(self, event: raw.Event) -> None:
        server = self.owners.get(event.listener)
        if server is None:  # it was closed in the same batch
            self.act(lambda: self.manager.close(event.connection, 1001))
            return
        connection = server._connection(event.connection)
        self.owners[event.connection] = connection
        connection._on_open()
        server._on_connection(connection)

"""hawser for asyncio, on any of its event loops that has add_reader (asyncio's own on Unix, uvloop).

All connections of a loop share one manager. Everything here belongs to the thread of its loop.
"""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Awaitable, Callable, Generator
from weakref import WeakKeyDictionary

from . import raw
from ._connection import ENDED, QUIET_ENDS, Connection, Dispatcher, Message, answered, make_options
from .errors import ConnectionClosed, HawserError


class _LoopDispatcher(Dispatcher):
    """A manager whose descriptor is watched by an event loop."""

    _of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopDispatcher] = WeakKeyDictionary()

    @classmethod
    def of_running_loop(cls) -> _LoopDispatcher:
        loop = asyncio.get_running_loop()
        dispatcher = cls._of_loops.get(loop)
        if dispatcher is None:
            for other in list(cls._of_loops):  # a dispatcher refers to its loop: the WeakKeyDictionary alone would keep both
                if other.is_closed() and (stale := cls._of_loops.pop(other, None)):
                    stale.manager.free()
            dispatcher = cls._of_loops[loop] = cls(loop)
        return dispatcher

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        options = raw.Options()
        options.set_int("outer_flush", 1)
        super().__init__(options)
        self.call_soon = loop.call_soon
        self.create_future = loop.create_future
        self._flush_is_due = False
        loop.add_reader(self.manager.fd(), self._on_readable)

    def _on_readable(self) -> None:
        self.dispatch(self.manager.poll(0))
        self.changed()

    def changed(self) -> None:
        """Sends what the tasks say that are due now, in one go, and before the loop waits again (outer_flush)."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        self.manager.flush()


class WebSocket(Connection):
    """A WebSocket connection.

    `async for message in ws` ends when it is closed with 1000, 1001 or no code, and raises ConnectionClosed when it ends in any other way.
    """

    _dispatcher: _LoopDispatcher

    def __init__(self, dispatcher: _LoopDispatcher, identity: int) -> None:
        super().__init__(dispatcher, identity)
        self._news: asyncio.Future[None] | None = None       # a message, OPEN or CLOSE
        self._drained: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = dispatcher.create_future()
        self._pings: dict[bytes, asyncio.Future[None]] = {}

    async def recv(self) -> str | bytes:
        """The next message: str for text, bytes for binary. ConnectionClosed when there is none left. May be cancelled without loss."""
        while not self._messages:
            await self._next_news()
        message = self._take_message()
        if self._paused and self._has_room:
            self._resume()
        return message

    async def send(self, message: Message) -> None:
        """Sends a str as text, and anything with a buffer as binary. Waits while the queue is full ("max_send_queue").
        ConnectionClosed if it has ended or is ending."""
        opcode = raw.TEXT if isinstance(message, str) else raw.BINARY
        while True:
            try:
                self._manager.send(self.id, opcode, message)
                break
            except HawserError as error:
                if error.code in ENDED:
                    await asyncio.shield(self._closed)
                    raise self._why() from None
                if error.code != raw.ERR_WOULD_BLOCK:
                    raise
            if self._drained is None:
                self._drained = self._dispatcher.create_future()
            await asyncio.shield(self._drained)
        self._dispatcher.changed()

    async def ping(self, data: bytes | None = None) -> None:
        """Sends a ping (up to 125 bytes; by default of its own) and waits for its pong."""
        data = self._data_of_ping(data)
        try:
            self._manager.ping(self.id, data)
        except HawserError as error:
            if error.code not in ENDED:
                raise
            await asyncio.shield(self._closed)
            raise self._why() from None
        self._dispatcher.changed()
        pong = self._pings.setdefault(data, self._dispatcher.create_future())
        await asyncio.shield(pong)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Closes, and waits for the end, "close_timeout" at most. Messages that were not read are dropped. Does nothing if it has ended."""
        if self._end is None and not self._is_closing:
            self._begin_close(code, reason)
            if self._paused:
                self._resume()
        await asyncio.shield(self._closed)

    async def wait_closed(self) -> None:
        """Waits for the end, whoever brings it about."""
        await asyncio.shield(self._closed)

    def abort(self) -> None:
        """Ends the TCP connection at once, unsent bytes and all."""
        self._begin_abort()

    def header(self, name: str) -> str | None:
        """A header field of the peer's handshake."""
        return self._manager.header(self.id, name)

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.recv()
        except ConnectionClosed as end:
            if end.close_code in QUIET_ENDS:
                raise StopAsyncIteration from None
            raise

    def _next_news(self) -> asyncio.Future[None]:
        if self._end is not None:
            raise self._why()
        if self._news is not None and not self._news.done():
            raise RuntimeError("another task waits for a message of this connection already")
        self._news = self._dispatcher.create_future()
        return self._news

    async def _opened(self) -> WebSocket:
        try:
            while not self._is_open:
                await self._next_news()
        except asyncio.CancelledError:
            self.abort()
            raise
        return self

    # ---- events

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _on_open(self) -> None:
        super()._on_open()
        self._tell()

    def _on_message(self, message: str | bytes) -> None:
        super()._on_message(message)
        self._tell()

    def _on_drain(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set_result(None)

    def _on_pong(self, data: bytes) -> None:
        for pong in answered(self._pings, data):
            pong.set_result(None)

    def _on_close(self, event: raw.Event) -> ConnectionClosed:
        end = super()._on_close(event)
        self._tell()
        self._on_drain()
        for pong in self._pings.values():
            pong.set_exception(self._why())
            pong.exception()  # whoever waited may be gone
        self._pings.clear()
        self._closed.set_result(None)
        return end


class connect:
    """`async with hawser.connect(url) as ws`, or `ws = await hawser.connect(url)`: a client.

    Keyword arguments are options (docs/reference/options.md): `deflate="shared"`, `subprotocols="chat"`, `tls_ca_file=...`; and headers=, a
    dict or pairs. ConnectionClosed if it can't be opened, HawserError if it can't be tried.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self._url, self._options = url, options

    def __await__(self) -> Generator[Any, None, WebSocket]:
        return self._open().__await__()

    async def __aenter__(self) -> WebSocket:
        self._websocket = await self
        return self._websocket

    async def __aexit__(self, *_: Any) -> None:
        await self._websocket.close()

    async def _open(self) -> WebSocket:
        dispatcher = _LoopDispatcher.of_running_loop()
        options = make_options(self._options)
        identity = dispatcher.manager.connect(self._url, options)
        websocket = WebSocket(dispatcher, identity)
        dispatcher.owners[identity] = websocket
        dispatcher.changed()
        return await websocket._opened()


class Server:
    """A listener. connections: those that are open, a set."""

    def __init__(self, dispatcher: _LoopDispatcher, handler: Callable[[WebSocket], Awaitable[Any]], url: str,
                 options: raw.Options) -> None:
        self._dispatcher, self._manager, self._handler = dispatcher, dispatcher.manager, handler
        self.id = self._manager.listen(url, options)
        dispatcher.owners[self.id] = self
        dispatcher.changed()
        self.address = self._manager.local_address(self.id)
        self.url = f"{url.partition('://')[0]}://{self.address}/"
        self.connections: set[WebSocket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = dispatcher.create_future()
        self._closers: set[asyncio.Task[Any] | None] = set()  # handlers that close it: they do not wait for each other

    def broadcast(self, message: Message, exclude: WebSocket | None = None) -> int:
        """Sends a message to all connections but one, framed once; returns how many took it. Those whose queue is full are closed
        with 1013, or skipped (option slow_reader)."""
        opcode = raw.TEXT if isinstance(message, str) else raw.BINARY
        count = self._manager.broadcast(self.id, exclude.id if exclude else 0, opcode, message)
        self._dispatcher.changed()
        return count

    async def close(self, code: int = 1001, reason: str | None = None) -> None:
        """Stops listening, closes all connections, and waits for them and for their handlers."""
        self._dispatcher.act(lambda: self._manager.abort(self.id))
        self._closers.add(asyncio.current_task())
        await asyncio.shield(self._closed)
        await asyncio.gather(*(connection.close(code, reason) for connection in list(self.connections)))
        while others := [task for task in self._tasks if task not in self._closers]:
            await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)

    async def serve_forever(self) -> None:
        """Waits until it is closed, or cancelled, which closes it."""
        try:
            await asyncio.shield(self._closed)
        except asyncio.CancelledError:
            await self.close()
            raise

    # ---- events

    def _connection(self, identity: int) -> WebSocket:
        return WebSocket(self._dispatcher, identity)

    def _on_connection(self, websocket: WebSocket) -> None:
        self.connections.add(websocket)
        task = asyncio.ensure_future(self._run(websocket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_close(self, event: raw.Event) -> None:
        self._closed.set_result(None)

    async def _run(self, websocket: WebSocket) -> None:
        """A handler that fails closes its connection with 1011 (RFC 6455 7.4.1); it hears of no end that is not its fault."""
        code = 1000
        try:
            await self._handler(websocket)
        except Exception as error:
            if isinstance(error, ConnectionClosed) and websocket._end is not None:
                return
            code = 1011
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a handler of hawser failed", "exception": error, "task": asyncio.current_task()})
        finally:
            try:
                await websocket.close(code)
            finally:
                self.connections.discard(websocket)


class serve:
    """`async with hawser.serve(handler, url) as server`, or `server = await hawser.serve(...)`.

    handler: a coroutine function that is called with each WebSocket; when it returns, the connection is closed. url:
    "ws://127.0.0.1:9001/", port 0 takes a free one (server.url); "wss://..." needs tls_certificate and tls_key. Keyword arguments
    are options (docs/reference/options.md), and headers= and certificates=.
    """

    def __init__(self, handler: Callable[[WebSocket], Awaitable[Any]], url: str, **options: Any) -> None:
        self._handler, self._url, self._options = handler, url, options

    def __await__(self) -> Generator[Any, None, Server]:
        return self._listen().__await__()

    async def __aenter__(self) -> Server:
        self._server = await self
        return self._server

    async def __aexit__(self, *_: Any) -> None:
        await self._server.close()

    async def _listen(self) -> Server:
        options = make_options(self._options)
        return Server(_LoopDispatcher.of_running_loop(), self._handler, self._url, options)

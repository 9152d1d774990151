"""hawser without asyncio: calls that wait, for programs with threads.

All connections of the process share one manager and one thread that polls it, a daemon. Whatever is here may be called from any
thread. A call that waits can be interrupted by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from typing import Any, Callable, Iterator, TypeVar, cast

from . import raw
from ._connection import ENDED, QUIET_ENDS, Connection, Dispatcher, Message, answered, make_options
from .errors import ConnectionClosed, HawserError

Result = TypeVar("Result")


class _Call:
    """A call that another thread has asked the polling thread for."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._is_done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:
            self._error = error
        self._is_done.set()

    def wait(self) -> Any:
        self._is_done.wait()
        if self._error is not None:
            raise self._error
        return self._result


class _ThreadDispatcher(Dispatcher):
    """A manager that a thread polls. Calls that are the polling thread's alone are handed to it."""

    _of_process: _ThreadDispatcher | None = None
    _of_parent: _ThreadDispatcher | None = None
    _lock = threading.Lock()

    @classmethod
    def of_process(cls) -> _ThreadDispatcher:
        with cls._lock:
            if cls._of_process is None:
                cls._of_process = cls()
            return cls._of_process

    def __init__(self) -> None:
        super().__init__()
        self._calls: deque[_Call] = deque()
        self._thread = threading.Thread(target=self._run, name="hawser", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self.dispatch(self.manager.poll(-1))
            except Exception:  # never the end of all connections
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), self._thread)))
            while self._calls:
                self._calls.popleft().run()

    def call(self, function: Callable[[], Result]) -> Result:
        """Calls it in the polling thread, and waits for what it returns or raises."""
        if threading.current_thread() is self._thread:
            return function()
        call = _Call(function)
        self._calls.append(call)
        self.manager.wake()
        return cast(Result, call.wait())

    def post(self, function: Callable[[], Any]) -> None:
        """As call, but waits for nothing."""
        self._calls.append(_Call(function))
        self.manager.wake()


def _forget() -> None:
    """A child of fork has no such thread. What the parent's was about stays as it is: its locks may be held."""
    _ThreadDispatcher._of_parent = _ThreadDispatcher._of_process
    _ThreadDispatcher._of_process = None
    _ThreadDispatcher._lock = threading.Lock()


os.register_at_fork(after_in_child=_forget)


class WebSocket(Connection):
    """A WebSocket connection.

    `for message in ws` ends when it is closed with 1000, 1001 or no code, and raises ConnectionClosed when it ends in any other way.
    """

    _dispatcher: _ThreadDispatcher

    def __init__(self, dispatcher: _ThreadDispatcher, identity: int) -> None:
        super().__init__(dispatcher, identity)
        self._changed = threading.Condition()
        self._drains = 0
        self._pings: dict[bytes, list[bool]] = {}  # by their data, until they are answered: [True]

    def recv(self, timeout: float | None = None) -> str | bytes:
        """The next message: str for text, bytes for binary. Waits for `timeout` seconds at most, then TimeoutError. ConnectionClosed
        when there is none left."""
        with self._changed:
            self._wait(lambda: self._messages or self._end, timeout)
            if not self._messages:
                raise self._why()
            message = self._take_message()
            has_room = self._paused and self._has_room
        if has_room:
            self._call(self._resume)
        return message

    def send(self, message: Message) -> None:
        """Sends a str as text, and anything with a buffer as binary. Waits while the queue is full ("max_send_queue").
        ConnectionClosed if it has ended or is ending."""
        opcode = raw.TEXT if isinstance(message, str) else raw.BINARY
        while True:
            drains = self._drains
            try:
                return self._manager.send(self.id, opcode, message)
            except HawserError as error:
                if error.code in ENDED:
                    self.wait_closed()
                    raise self._why() from None
                if error.code != raw.ERR_WOULD_BLOCK:
                    raise
            with self._changed:
                self._wait(lambda: self._drains != drains or self._end, None)

    def ping(self, data: bytes | None = None, timeout: float | None = None) -> None:
        """Sends a ping (up to 125 bytes; by default of its own) and waits for its pong, `timeout` seconds at most, then TimeoutError."""
        try:
            pong = self._call(lambda: self._begin_ping(data))
        except HawserError as error:
            if error.code not in ENDED:
                raise
            self.wait_closed()
            raise self._why() from None
        with self._changed:
            self._wait(lambda: pong or self._end, timeout)
            if not pong:
                raise self._why()

    def _begin_ping(self, data: bytes | None) -> list[bool]:
        """In the polling thread: no pong can come before it is waited for."""
        data = self._data_of_ping(data)
        self._manager.ping(self.id, data)
        return self._pings.setdefault(data, [])

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Closes, and waits for the end, "close_timeout" at most. Messages that were not read are dropped. Does nothing if it has ended."""
        self._call(lambda: self._close_once(code, reason))
        self.wait_closed()

    def wait_closed(self, timeout: float | None = None) -> None:
        """Waits for the end, whoever brings it about, `timeout` seconds at most, then TimeoutError."""
        with self._changed:
            self._wait(lambda: self._end, timeout)

    def abort(self) -> None:
        """Ends the TCP connection at once, unsent bytes and all."""
        self._call(self._begin_abort)

    def header(self, name: str) -> str | None:
        """A header field of the peer's handshake."""
        text: str | None = self._call(lambda: self._manager.header(self.id, name))
        return text

    def __iter__(self) -> Iterator[str | bytes]:
        while True:
            try:
                message = self.recv()
            except ConnectionClosed as end:
                if end.close_code in QUIET_ENDS:
                    return
                raise
            yield message

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _call(self, function: Callable[[], Result]) -> Result:
        return self._dispatcher.call(function)

    def _wait(self, predicate: Callable[[], Any], timeout: float | None) -> None:
        if not self._changed.wait_for(predicate, timeout):
            raise TimeoutError(f"nothing came in {timeout} seconds")

    def _close_once(self, code: int, reason: str | None) -> None:
        if self._end is None and not self._is_closing:
            self._begin_close(code, reason)
            if self._paused:
                self._resume()

    # ---- events, in the polling thread

    def _on_open(self) -> None:
        with self._changed:
            super()._on_open()
            self._changed.notify_all()

    def _on_message(self, message: str | bytes) -> None:
        with self._changed:
            super()._on_message(message)
            self._changed.notify_all()

    def _on_drain(self) -> None:
        with self._changed:
            self._drains += 1
            self._changed.notify_all()

    def _on_pong(self, data: bytes) -> None:
        with self._changed:
            for pong in answered(self._pings, data):
                pong.append(True)
            self._changed.notify_all()

    def _on_close(self, event: raw.Event) -> ConnectionClosed:
        with self._changed:
            self._changed.notify_all()
            return super()._on_close(event)


def connect(url: str, **options: Any) -> WebSocket:
    """`with hawser.sync.connect(url) as ws`: a client. Keyword arguments as those of hawser.connect. ConnectionClosed if it can't be
    opened, HawserError if it can't be tried."""
    dispatcher = _ThreadDispatcher.of_process()
    handle = make_options(options)

    begun: list[WebSocket] = []

    def begin() -> None:
        websocket = WebSocket(dispatcher, dispatcher.manager.connect(url, handle))
        dispatcher.owners[websocket.id] = websocket
        begun.append(websocket)

    def give_up() -> None:
        for websocket in begun:
            websocket._begin_abort()

    try:
        dispatcher.call(begin)
        websocket = begun[0]
        with websocket._changed:
            websocket._wait(lambda: websocket._is_open or websocket._end, None)
    except BaseException:  # interrupted: begin may be still to come, but before this
        dispatcher.post(give_up)
        raise
    if not websocket._is_open:
        raise websocket._why()
    return websocket


class Server:
    """A listener. connections: those that are open, a set. Each has a thread for its handler."""

    def __init__(self, dispatcher: _ThreadDispatcher, handler: Callable[[WebSocket], Any], url: str,
                 options: raw.Options) -> None:
        self._dispatcher, self._manager, self._handler = dispatcher, dispatcher.manager, handler
        self.id = self._manager.listen(url, options)
        dispatcher.owners[self.id] = self
        self.address = self._manager.local_address(self.id)
        self.url = f"{url.partition('://')[0]}://{self.address}/"
        self.connections: set[WebSocket] = set()
        self._closed = threading.Event()

    def broadcast(self, message: Message, exclude: WebSocket | None = None) -> int:
        """Sends a message to all connections but one, framed once; returns how many took it. Those whose queue is full are closed
        with 1013, or skipped (option slow_reader)."""
        opcode = raw.TEXT if isinstance(message, str) else raw.BINARY
        except_id = exclude.id if exclude else 0
        return self._dispatcher.call(lambda: self._manager.broadcast(self.id, except_id, opcode, message))

    def close(self, code: int = 1001, reason: str | None = None) -> None:
        """Stops listening, closes all connections, and waits for their ends."""
        self._dispatcher.call(lambda: self._dispatcher.act(lambda: self._manager.abort(self.id)))
        self._closed.wait()
        connections = list(self.connections)
        for connection in connections:
            connection._call(lambda connection=connection: connection._close_once(code, reason))  # type: ignore[misc]
        for connection in connections:
            connection.wait_closed()

    def serve_forever(self) -> None:
        """Waits until it is closed, or interrupted, which closes it."""
        try:
            self._closed.wait()
        finally:
            self.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # ---- events, in the polling thread

    def _connection(self, identity: int) -> WebSocket:
        return WebSocket(self._dispatcher, identity)

    def _on_connection(self, websocket: WebSocket) -> None:
        self.connections.add(websocket)
        try:
            threading.Thread(target=self._run, args=(websocket,), name=f"hawser {websocket.peer_address}", daemon=True).start()
        except RuntimeError:  # no more threads
            self.connections.discard(websocket)
            websocket._close_once(1013, None)

    def _on_close(self, event: raw.Event) -> None:
        self._closed.set()

    def _run(self, websocket: WebSocket) -> None:
        """A handler that fails closes its connection with 1011 (RFC 6455 7.4.1); it hears of no end that is not its fault."""
        code = 1011
        try:
            self._handler(websocket)
            code = 1000
        except ConnectionClosed:
            if websocket._end is None:
                raise
        finally:
            try:
                websocket.close(code)
            finally:
                self.connections.discard(websocket)


def serve(handler: Callable[[WebSocket], Any], url: str, **options: Any) -> Server:
    """`with hawser.sync.serve(handler, url) as server: server.serve_forever()`. handler is called with each WebSocket, in a thread of its own;
    when it returns, the connection is closed. url and keyword arguments as those of hawser.serve."""
    dispatcher = _ThreadDispatcher.of_process()
    handle = make_options(options)
    return dispatcher.call(lambda: Server(dispatcher, handler, url, handle))

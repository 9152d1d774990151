"""The exceptions of hawser."""

from __future__ import annotations


class HawserError(Exception):
    """A call failed.

    code: the number, one of hawser.raw.ERR_*, negative. words: why, in English. name: "HWS_ERR_STALE" and so on, stable.
    """

    def __init__(self, code: int, words: str) -> None:
        super().__init__(code, words)
        self.code = code
        self.words = words

    @property
    def name(self) -> str:
        from .raw import error_name
        return error_name(self.code)

    def __str__(self) -> str:
        return f"{self.words} ({self.name})"


class ConnectionClosed(HawserError):
    """The connection has ended, or was never opened.

    code: what ended it, ERR_CLOSED after closing handshakes. close_code and reason: the peer's (RFC 6455 7.4); 1005 where it
    gave none, 1006 where no Close frame came. clean: both Close frames were exchanged. status: the HTTP status of a server
    that refused the handshake, else 0.
    """

    def __init__(self, code: int, words: str, close_code: int, reason: str, clean: bool, status: int) -> None:
        super().__init__(code, words)
        self.close_code = close_code
        self.reason = reason
        self.clean = clean
        self.status = status

    def __reduce__(self) -> tuple[type[ConnectionClosed], tuple[int, str, int, str, bool, int]]:
        return type(self), (self.code, self.words, self.close_code, self.reason, self.clean, self.status)

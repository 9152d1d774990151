"""The driver of bindings/conformance in Python, on the raw layer."""

import sys
import threading
import time
import zlib

from hawser import HawserError, raw

SHOWN = 64
NAMES = {raw.EVENT_OPEN: "OPEN", raw.EVENT_MESSAGE: "MESSAGE", raw.EVENT_DRAIN: "DRAIN", raw.EVENT_CLOSE: "CLOSE",
         raw.EVENT_REQUEST: "REQUEST", raw.EVENT_PONG: "PONG"}
KINDS = {"text": raw.TEXT, "binary": raw.BINARY}


def payload_of(word):
    count, star, rest = word.partition("*")
    if star and count.isdigit():
        return payload_of(rest) * int(count)
    if word == "-":
        return b""
    return bytes.fromhex(word[4:]) if word.startswith("hex:") else word.encode()


def shown(data):
    encoded = data.encode() if isinstance(data, str) else data
    if not encoded:
        return "-"
    if len(encoded) > SHOWN:
        return f"crc32:{zlib.crc32(encoded):08x}"
    return data if isinstance(data, str) and min(encoded) >= 32 else "hex:" + encoded.hex()


def size_of(data):
    return len(data.encode() if isinstance(data, str) else data)


def say(*words):
    print(*words, flush=True)


class Driver:
    def __init__(self, url, options):
        self.url, self.options, self.manager = url, None, None
        self.ids, self.names = {}, {}  # by name, and by id
        self.batch = []
        self.later = None
        for name, value in options:
            self.set_option(name, value)

    # ---- words

    def id_of(self, word):
        return self.ids[word] if word in self.ids else int(word)

    def name_of(self, identity):
        if identity not in self.names:
            self.give_name(f"c{len([name for name in self.ids if name != 'l']) + 1}", identity)
        return self.names[identity]

    def give_name(self, name, identity):
        self.ids[name], self.names[identity] = identity, name

    # ---- options

    def set_option(self, name, value):
        self.options = self.options or raw.Options()
        try:
            self.options.set_int(name, int(value))
        except ValueError:
            self.options.set_text(name, value)

    def add_header(self, name, value):
        self.options = self.options or raw.Options()
        self.options.add_header(name, value)

    def take_options(self):
        options, self.options = self.options, None
        return options

    # ---- events

    def take(self):
        while not self.batch:
            self.batch = self.manager.poll(-1)
        return self.batch.pop(0)

    def line_of(self, event):
        words = [self.name_of(event.connection), NAMES[event.kind]]
        flags = event.flags
        if event.kind == raw.EVENT_OPEN and event.listener:
            words += ["l"]
        elif event.kind == raw.EVENT_REQUEST:
            words += ["l", "upgrade" if flags & raw.UPGRADE else "http"]
        elif event.kind == raw.EVENT_MESSAGE:
            words += ["text" if event.opcode == raw.TEXT else "binary"]
            words += ["first"] * bool(flags & raw.FIRST) + ["final"] * bool(flags & raw.FINAL)
            words += [str(size_of(event.data)), shown(event.data)]
        elif event.kind == raw.EVENT_PONG:
            words += [str(size_of(event.data)), shown(event.data)]
        elif event.kind == raw.EVENT_CLOSE:
            words += [str(event.code), raw.error_name(event.error), str(event.system)]
            words += ["by-peer"] * bool(flags & raw.BY_PEER) + ["clean"] * bool(flags & raw.CLEAN) + [shown(event.data)]
        return " ".join(words + (["tag", str(event.tag)] if event.tag else []))

    def take_and_print(self):
        event = self.take()
        say(self.line_of(event))
        return event

    def do_event(self):
        self.take_and_print()

    def do_events(self, name, count):
        left = int(count)
        while left:
            event = self.take()
            self.name_of(event.connection)
            left -= NAMES[event.kind] == name
        say(name, count)

    def do_echo(self, count):
        left = int(count)
        while left:
            event = self.take_and_print()
            if event.kind == raw.EVENT_MESSAGE:
                self.call("send", lambda: self.manager.send(event.connection, event.opcode, event.data))
                left -= 1

    def do_skip(self, word):
        payload = payload_of(word)
        while True:
            event = self.take()
            data = event.data.encode() if isinstance(event.data, str) else event.data
            if event.kind == raw.EVENT_MESSAGE and data == payload:
                return say(self.line_of(event))

    def do_poll(self, timeout):
        self.batch = self.manager.poll(int(timeout))
        say("poll:", len(self.batch))

    # ---- calls

    def outcome(self, command, call):
        """The line that a call prints."""
        try:
            value = call()
        except HawserError as error:
            return f"{command}: {error.name} {error.code}"
        if command in READERS:
            return f"{command}: {'none' if value is None else value}"
        return f"{command}: {'ok' if value is None else value}"

    def call(self, command, call):
        say(self.outcome(command, call))

    def do_listen(self):
        def listen():
            self.give_name("l", self.manager.listen(self.url + "/", self.take_options()))
            return self.manager.local_address(self.ids["l"])
        line = self.outcome("listen", listen)
        say(line if "HWS_ERR" in line else line.replace("listen:", "listening"))

    def do_connect(self, path, count="1"):
        options = self.take_options()

        def connect():
            for _ in range(int(count)):
                name = self.name_of(self.manager.connect(path if "://" in path else self.url + path, options))
            return name
        self.call("connect", connect)

    def call_of(self, command, words):
        """What is to be called for a command that only calls."""
        manager, number = self.manager, self.id_of(words[0]) if words and command not in ("stat", "drain") else None
        rest = words[1:]
        if command in ("send", "fill"):
            return lambda: manager.send(number, kind_of(rest[0]), payload_of(rest[1]))
        if command == "part":
            return lambda: manager.send_part(number, kind_of(rest[0]), payload_of(rest[1]), rest[2] == "final")
        if command == "broadcast":
            return lambda: manager.broadcast(self.ids.get("l", 0), number, kind_of(rest[0]), payload_of(rest[1]))
        if command == "close":
            return lambda: manager.close(number, int(rest[0]), payload_of(rest[1]).decode() if rest[1:] else None)
        if command == "respond":
            return lambda: manager.respond(number, int(rest[0]), self.take_options(), payload_of(rest[1]))
        if command == "accept":
            return lambda: manager.accept(number, rest[0] if rest else None, self.take_options())
        if command == "ping":
            return lambda: manager.ping(number, payload_of(rest[0]))
        if command == "tag":
            return lambda: manager.set_tag(number, int(rest[0]))
        if command == "header":
            return lambda: manager.header(number, rest[0])
        if command == "stat":
            return lambda: manager.stat(words[0])
        if command == "drain":
            return lambda: manager.drain(int(words[0]))
        if command in ("wake", "flush"):
            return getattr(manager, command)
        if command in ("abort", "pause", "resume", "queued", *READERS):
            return lambda: getattr(manager, command)(number)
        sys.exit(f"driver: unknown command: {command}")

    def do_fill(self, *words):
        send = self.call_of("send", words)
        line = "fill: ok"
        while line == "fill: ok":
            line = self.outcome("fill", send)
        say(line)

    def do_later(self, command, *words):
        call = self.call_of(command, words)
        lines = []
        thread = threading.Thread(target=lambda: (time.sleep(0.05), lines.append(self.outcome(command, call))))
        self.later = thread, lines
        thread.start()

    def end_later(self):
        if self.later:
            (thread, lines), self.later = self.later, None
            thread.join()
            say(*lines)

    def run_line(self, line):
        command, *words = line.split(" ")
        if command in ("option", "add_header"):
            name, value = line.split(" ", 2)[1:]
            set_it = self.set_option if command == "option" else self.add_header
            return self.call(command, lambda: set_it(name, value))
        if self.manager is None:
            self.manager = raw.Manager(self.take_options())
        if command == "later":
            return self.do_later(*words)
        own = getattr(self, f"do_{command}", None)
        if own:
            own(*words)
        else:
            self.call(command, self.call_of(command, words))
        self.end_later()


READERS = ("path", "status", "subprotocol", "extensions", "header")


def kind_of(word):
    return KINDS.get(word) or int(word)


def main(file, role, url, *options):
    driver = Driver(url, [option.split("=", 1) for option in options])
    section = None
    with open(file, encoding="utf-8") as lines:
        for line in lines.read().splitlines():
            if line in ("client", "server"):
                section = line
            elif section == role and line and line[0] not in "#>":
                driver.run_line(line)
    driver.manager.free()


sys.stdout.reconfigure(encoding="utf-8")
main(*sys.argv[1:])

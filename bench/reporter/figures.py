"""results.json as the tables and pictures ask for it."""

import json

TITLES = {
    "floor_epoll": "floor: epoll", "floor_poll": "floor: poll", "floor_tls": "floor: OpenSSL", "floor_head": "floor: one head",
    "floor_broadcast": "floor: send() to each", "hawser": "hawser", "hawser_poll": "hawser on poll(2)",
    "uwebsockets": "uWebSockets (C++)", "beast": "Boost.Beast (C++)", "libwebsockets": "libwebsockets (C)",
    "websocketpp": "WebSocket++ (C++)", "fastwebsockets": "fastwebsockets (Rust)", "tungstenite": "tokio-tungstenite (Rust)",
    "gorilla": "Gorilla (Go)", "gws": "gws (Go)", "ws": "ws (Node.js)", "websockets": "websockets (Python)",
    "picows": "picows (Python)",
}
# The bindings beside what people use there.
LANGUAGES = {
    "C": [("hawser", "hawser")],
    "Python": [("hawser_python_raw", "**hawser**, `Manager.poll`"), ("hawser_python", "**hawser**, asyncio on uvloop"),
               ("picows", "picows, uvloop"), ("websockets", "websockets, uvloop")],
    "Node.js": [("hawser_node", "**hawser**, `on('message')`"), ("ws", "ws")],
    "Java": [("hawser_java_raw", "**hawser**, `Manager.poll`"), ("hawser_java", "**hawser**, listener"),
             ("java_websocket", "Java-WebSocket"), ("java_jdk", "the JDK's client")],
    "Go": [("hawser_go", "**hawser**, `Handler`"), ("hawser_go_messages", "**hawser**, `ReadMessage`"), ("gws", "gws"),
           ("gorilla", "Gorilla")],
}
# (ours, peer, how much of the peer's CPU time it may take)
LANGUAGE_TARGETS = [
    ("hawser_python_raw", "websockets", 1 / 4), ("hawser_python", "websockets", 1 / 4), ("hawser_python_raw", "picows", 1),
    ("hawser_python", "picows", 1), ("hawser_node", "ws", 2 / 3), ("hawser_java_raw", "java_websocket", 1),
    ("hawser_java", "java_websocket", 1), ("hawser_go", "gws", 1), ("hawser_go_messages", "gws", 1)]


def title(program):
    return TITLES.get(program, program)


def is_floor(program):
    return program.startswith("floor_")


def is_for_languages(program):
    """Not in the tables of libraries."""
    return program in ("java_websocket", "java_jdk") or program.startswith("hawser_") and program != "hawser_poll"


def is_ours(program):
    return program in ("hawser", "hawser_poll")


class Figures:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.data = json.load(file)

    def of(self, measure, case, key="median"):
        """{program: figure}, as far as they were measured, the smallest first; without the bindings."""
        found = self.data["figures"].get(measure, {}).get(case, {})
        return dict(sorted(((name, one[key]) for name, one in found.items() if key in one and not is_for_languages(name)),
                           key=lambda pair: pair[1]))

    def of_languages(self, case, program, key="median"):
        """None: not measured."""
        return self.data["figures"].get("times", {}).get(case, {}).get(program, {}).get(key)

    def one(self, measure, case, program, key="median"):
        """None: not measured."""
        return self.of(measure, case, key).get(program)

    def floor(self, measure, case, key="median"):
        """(name, figure) of what the case is compared with. floor_poll is no such thing."""
        return next(((name, value) for name, value in self.of(measure, case, key).items()
                     if is_floor(name) and name != "floor_poll"), (None, None))

    def best_peer(self, measure, case, key="median"):
        return next(((name, value) for name, value in self.of(measure, case, key).items()
                     if not is_floor(name) and not is_ours(name)), (None, None))


def number(value):
    """Three digits at least: "1,293,249", "123", "12.3", "1.02"."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"

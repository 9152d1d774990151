"""What both roles of the raw peer say through an open connection whose other end echoes."""

from program import fragment_count, fragments_of, payloads
from raw_wire import BINARY, CONTINUATION, PING, PONG, TEXT, dice


def echo_everything(wire):
    for payload, binary in payloads():
        opcode = BINARY if binary else TEXT
        words = f"{len(payload)} bytes, binary {binary}"
        wire.chop(wire.frame(opcode, payload))
        wire.expect_frame(opcode, payload, f"whole, chopped, {words}")
        if len(payload) <= 65_536:
            wire.drip(wire.frame(opcode, payload))
            wire.expect_frame(opcode, payload, f"whole, dripped, {words}")
        wire.chop(fragments(wire, opcode, payload))
        wire.expect_frame(PONG, words.encode(), f"ping inside, {words}")
        wire.expect_frame(opcode, payload, f"in fragments, {words}")


def fragments(wire, opcode, payload):
    """The frames of a fragmented message with a ping in its middle."""
    count = fragment_count(len(payload))
    frames = []
    for i, fragment in enumerate(fragments_of(payload, count)):
        if i == count // 2:
            frames.append(wire.frame(PING, f"{len(payload)} bytes, binary {opcode == BINARY}".encode()))
        frames.append(wire.frame(opcode if i == 0 else CONTINUATION, fragment, fin=i == count - 1))
    return b"".join(frames)


def echo_random_conversations(wire, rounds):
    """Short messages, fragments, pings and unasked pongs in random order, several in one write, cut at random."""
    for _ in range(rounds):
        sent, expected = b"", []
        for _ in range(dice.randint(1, 12)):
            bytes_to_send, answers = random_message(wire)
            sent += bytes_to_send
            expected += answers
        dice.choice((wire.drip, wire.chop))(sent)
        wire.expect_frames(expected, "a random conversation")


def random_message(wire):
    """(bytes, [(opcode, payload) that has to come back])"""
    kind = dice.choice((TEXT, BINARY, PING, PONG))
    if kind == PONG:
        return wire.frame(PONG, dice.randbytes(dice.randint(0, 125))), []
    if kind == PING:
        payload = dice.randbytes(dice.randint(0, 125))
        return wire.frame(PING, payload), [(PONG, payload)]
    size = dice.choice((0, 1, 3, 124, 125, 126, 127, 300))
    payload = dice.randbytes(size) if kind == BINARY else ("⚓é" * size).encode()
    cuts = sorted(dice.randint(0, len(payload)) for _ in range(dice.randint(0, 4)))
    pieces = [payload[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(payload)])]
    frames = [wire.frame(kind if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1)
              for i, piece in enumerate(pieces)]
    return b"".join(frames), [(kind, payload)]

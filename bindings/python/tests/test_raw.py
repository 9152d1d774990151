"""The raw layer: what the scenarios of bindings/conformance do not see."""

import array
import ast
import gc
import inspect
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

import hawser
from hawser import HawserError, Manager, Options, raw


class Pair:
    """A manager with both ends of a connection."""

    def __init__(self, **numbers):
        options = Options()
        for name, value in numbers.items():
            options.set_int(name, value)
        self.manager = Manager(options)
        self.listener = self.manager.listen("ws://127.0.0.1:0/")
        self.client = self.manager.connect(f"ws://{self.manager.local_address(self.listener)}/")
        opened = [event.connection for event in self.events(raw.EVENT_OPEN, 2)]
        self.server = next(identity for identity in opened if identity != self.client)

    def events(self, kind, count=1):
        found = []
        while len(found) < count:
            found += [event for event in self.manager.poll(-1) if event.kind == kind]
        return found

    def deliver(self, opcode, payload):
        """What arrives of a message."""
        self.manager.send(self.client, opcode, payload)
        return self.events(raw.EVENT_MESSAGE)[0].data


class Payloads(unittest.TestCase):
    def test_every_byte_arrives(self):
        every = bytes(range(256))
        self.assertEqual(Pair().deliver(raw.BINARY, every), every)

    def test_sixteen_mebibytes_arrive(self):
        large = bytes(range(256)) * 65536
        self.assertEqual(Pair().deliver(raw.BINARY, large), large)

    def test_text_is_str_with_nul_and_beyond_the_bmp(self):
        self.assertEqual(Pair().deliver(raw.TEXT, "a\0b Grüße ⚓ 😀"), "a\0b Grüße ⚓ 😀")

    def test_whatever_has_a_buffer_can_be_sent(self):
        pair = Pair()
        for payload in (bytearray(b"\0\1"), memoryview(b"\0\1"), array.array("B", [0, 1])):
            self.assertEqual(pair.deliver(raw.BINARY, payload), b"\0\1")

    def test_a_buffer_that_is_not_contiguous_is_refused(self):
        with self.assertRaises(BufferError):
            Pair().deliver(raw.BINARY, memoryview(b"abcdef")[::2])

    def test_what_is_no_payload_is_refused(self):
        pair = Pair()
        for payload in (None, 5, [1, 2], object()):
            with self.assertRaises(TypeError):
                pair.manager.send(pair.client, raw.BINARY, payload)

    def test_a_lone_surrogate_is_refused(self):
        with self.assertRaises(UnicodeEncodeError):
            Pair().deliver(raw.TEXT, "\ud800")

    def test_a_mutable_buffer_is_not_kept(self):
        pair = Pair()
        payload = bytearray(b"before")
        pair.manager.send(pair.client, raw.BINARY, payload)
        payload[:] = b"after, and longer"
        self.assertEqual(pair.events(raw.EVENT_MESSAGE)[0].data, b"before")

    def test_events_outlive_their_batch_and_their_manager(self):
        pair = Pair()
        events = []
        for number in range(50):
            pair.manager.send(pair.client, raw.BINARY, bytes([number]) * 1000)
            events += pair.events(raw.EVENT_MESSAGE)
        pair.manager.free()
        del pair
        gc.collect()
        self.assertEqual([event.data for event in events], [bytes([number]) * 1000 for number in range(50)])


class Arguments(unittest.TestCase):
    def test_types_are_not_shared_with_other_modules_of_swig(self):
        runtime = [module for name, module in sys.modules.items() if name.startswith("swig_runtime_data")]
        tables = [name for module in runtime for name in vars(module) if name.startswith("type_pointer_capsule")]
        self.assertTrue(tables and all(name.endswith("hawser") for name in tables), tables)

    def test_a_nul_in_a_text_is_refused(self):
        with self.assertRaises(ValueError):
            Manager().connect("ws://127.0.0.1/\0")
        with self.assertRaises(ValueError):
            Options().set_text("origin", "a\0b")

    def test_a_text_is_a_str(self):
        with self.assertRaises(TypeError):
            Manager().connect(b"ws://127.0.0.1/")

    def test_none_is_null(self):
        with self.assertRaises(HawserError) as caught:
            Manager().connect(None)
        self.assertEqual(caught.exception.code, raw.ERR_ARGUMENT)

    def test_numbers_out_of_range_are_refused(self):
        manager = Manager()
        with self.assertRaises(OverflowError):
            manager.poll(1 << 40)
        with self.assertRaises(OverflowError):
            manager.send(1 << 70, raw.TEXT, "")

    def test_a_wrong_argument_before_a_payload(self):
        manager = Manager()
        for call in (lambda: manager.send("no id", raw.BINARY, b"x"), lambda: manager.send(1, "no opcode", b"x"),
                     lambda: manager.ping(None, b"x"), lambda: manager.broadcast(1, 2.5, raw.TEXT, "x"),
                     lambda: manager.respond(1, 200, "no options", b"x")):
            for _ in range(100):
                with self.assertRaises(TypeError):
                    call()

    def test_an_error_has_code_name_and_words(self):
        with self.assertRaises(HawserError) as caught:
            Manager().connect("http://127.0.0.1/")
        error = caught.exception
        self.assertEqual((error.code, error.name), (raw.ERR_URL, "HWS_ERR_URL"))
        self.assertIn("ws://", str(error))

    def test_an_object_that_was_never_made_is_refused(self):
        for call in (lambda: Manager.__new__(Manager).poll(0), lambda: Options.__new__(Options).set_int("parts", 1)):
            with self.assertRaises((ValueError, TypeError)):
                call()

    def test_an_object_is_made_once(self):
        for made in (Manager(), Options()):
            with self.assertRaises(RuntimeError):
                made.__init__()

    def test_ids_are_keys(self):
        pair = Pair()
        seen = {pair.client: "client", pair.server: "server"}
        pair.manager.send(pair.client, raw.TEXT, "")
        self.assertEqual(seen[pair.events(raw.EVENT_MESSAGE)[0].connection], "server")


class Life(unittest.TestCase):
    def test_a_freed_manager_answers_with_an_error(self):
        pair = Pair()
        pair.manager.free()
        pair.manager.free()
        for call in (lambda: pair.manager.poll(0), lambda: pair.manager.send(pair.client, raw.TEXT, ""), pair.manager.wake):
            with self.assertRaises(HawserError) as caught:
                call()
            self.assertEqual(caught.exception.code, raw.ERR_ARGUMENT)
        self.assertIsNone(pair.manager.path(pair.client))

    def test_no_descriptor_is_left(self):
        Pair().manager.free()
        before = os.listdir("/proc/self/fd")
        for _ in range(20):
            Pair().manager.free()
        for _ in range(20):
            Pair()
        gc.collect()
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    def test_a_finalizer_may_free_and_poll_while_a_batch_is_copied(self):
        class Trap:
            def __init__(self, manager, frees):
                self.itself, self.manager, self.frees = self, manager, frees

            def __del__(self):
                if self.frees:
                    self.manager.free()
                else:
                    self.manager.poll(0)

        for frees in (False, True):
            pair = Pair()
            for number in range(20):
                pair.manager.send(pair.client, raw.BINARY, bytes([number]))
            gc.collect()
            threshold = gc.get_threshold()
            Trap(pair.manager, frees)
            gc.set_threshold(1, 1, 1)
            try:
                events = pair.manager.poll(-1)
            finally:
                gc.set_threshold(*threshold)
            self.assertTrue(all(event.data == bytes([number]) for number, event in enumerate(events)))

    def test_options_may_go_at_once(self):
        options = Options()
        options.set_int("max_message_size", 10)
        manager = Manager(options)
        del options
        gc.collect()
        self.assertEqual(manager.poll(0), [])


class Threads(unittest.TestCase):
    def test_others_run_while_one_waits(self):
        manager = Manager()
        ran = []
        thread = threading.Thread(target=lambda: (ran.append(True), manager.wake()))
        thread.start()
        self.assertEqual(manager.poll(-1), [])
        self.assertEqual(ran, [True])
        thread.join()

    def test_it_is_not_freed_while_another_waits(self):
        manager = Manager()
        thread = threading.Thread(target=manager.poll, args=(-1,))
        thread.start()
        while not self.is_busy(manager):
            time.sleep(0.001)
        with self.assertRaises(HawserError) as caught:
            manager.free()
        self.assertEqual(caught.exception.code, raw.ERR_BUSY)
        manager.wake()
        thread.join()
        manager.free()

    def test_of_two_that_poll_one_is_told_so(self):
        """Also while the other has left the library, and waits for the GIL with a batch."""
        pair = Pair()
        outcomes, end = [], threading.Event()

        def poll():
            while not end.is_set():
                try:
                    for event in pair.manager.poll(1):
                        pair.manager.send(event.connection, event.opcode, event.data)
                except HawserError as error:
                    outcomes.append(error.code)

        pair.manager.send(pair.client, raw.BINARY, bytes(1000))
        threads = [threading.Thread(target=poll) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(outcomes) < 1000:
            time.sleep(0.001)
        end.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(outcomes), {raw.ERR_BUSY})

    @staticmethod
    def is_busy(manager):
        try:
            manager.flush()
        except HawserError as error:
            return error.code == raw.ERR_BUSY
        return False

    def test_sends_of_many_threads_arrive_in_the_order_of_each(self):
        pair = Pair()
        count, threads = 200, 4

        def send(number):
            for index in range(count):
                pair.manager.send(pair.client, raw.BINARY, bytes([number]) + index.to_bytes(2, "big"))

        workers = [threading.Thread(target=send, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        got = [event.data for event in pair.events(raw.EVENT_MESSAGE, count * threads)]
        for worker in workers:
            worker.join()
        for number in range(threads):
            self.assertEqual([data[1:] for data in got if data[0] == number], [index.to_bytes(2, "big") for index in range(count)])

    def test_ctrl_c_ends_a_wait(self):
        program = "import hawser\nmanager = hawser.Manager()\nprint('waits', flush=True)\nmanager.poll(-1)"
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()
            while "S" not in pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1]:
                time.sleep(0.001)
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            words = process.stderr.read().decode()
        self.assertIn("KeyboardInterrupt", words)


class Stubs(unittest.TestCase):
    """raw.pyi is written by hand: it must have the names that SWIG has made."""

    def setUp(self):
        stub = pathlib.Path(hawser.__file__).with_name("raw.pyi").read_text(encoding="utf-8")
        self.tree = ast.parse(stub)

    @staticmethod
    def named(nodes):
        return {node.name if hasattr(node, "name") else node.target.id for node in nodes
                if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AnnAssign))}

    def test_names_of_the_module(self):
        there = {name for name in dir(raw) if not name.startswith("_") and not inspect.ismodule(getattr(raw, name))}
        self.assertEqual(self.named(self.tree.body), there)

    SWIGS = {"this", "thisown", "acquire", "append", "disown", "next", "own"}  # of every object that it makes

    def test_methods_of_the_classes(self):
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                there = {name for name in dir(getattr(raw, node.name)) if not name.startswith("_")} - self.SWIGS
                self.assertEqual(self.named(node.body) - {"__init__"}, there, node.name)

    def test_docstrings_come_from_the_header(self):
        self.assertIn("OPEN or CLOSE follows", Manager.connect.__doc__)


if __name__ == "__main__":
    unittest.main()

"""The page of hawser serve in a real browser, by the Chrome DevTools Protocol. BROWSER is a Chromium or Chrome."""

import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.request

from support import PATIENCE, TEXT, ToolTest, open_client

BROWSER = os.environ.get("BROWSER", "chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--remote-debugging-port=0", "about:blank"]


class Browser:
    """A browser with one page."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [BROWSER, "--user-data-dir=" + self.folder.name, *FLAGS]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self.wait_for_port()
        self.socket, _ = open_client(port, self.wait_for_page(port)["webSocketDebuggerUrl"].split(str(port), 1)[1])
        self.calls = 0
        self.complaints = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def wait_for_port(self):
        path = os.path.join(self.folder.name, "DevToolsActivePort")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if os.path.exists(path):
                with open(path) as file:
                    lines = file.read().split("\n")
                if len(lines) > 1:
                    return int(lines[0])
            time.sleep(0.05)
        raise TimeoutError("the browser does not start")

    def call(self, method, **parameters):
        self.calls += 1
        request = {"id": self.calls, "method": method, "params": parameters}
        self.socket.send_frame(TEXT, json.dumps(request).encode())
        while True:
            answer = json.loads(self.socket.receive()[1])
            if answer.get("id") == self.calls:
                return answer["result"]
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(answer["params"])

    def evaluate(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    @staticmethod
    def wait_for_page(port):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=PATIENCE) as answer:
                for target in json.load(answer):
                    if target["type"] == "page":
                        return target
            time.sleep(0.05)
        raise TimeoutError("the browser has no page")

    def wait(self, script):
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(script):
            if time.monotonic() > deadline:
                raise TimeoutError(script + ": " + str(self.evaluate("document.body.innerText")))
            time.sleep(0.02)

    def press_enter(self):
        enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        for kind, text in (("keyDown", "\r"), ("keyUp", "")):
            self.call("Input.dispatchKeyEvent", type=kind, text=text, **enter)

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.socket.close()
        self.folder.cleanup()


class Page(ToolTest):
    def open_page(self, *arguments):
        server, port = self.start_serve(*arguments)
        browser = Browser()
        self.addCleanup(browser.close)
        browser.call("Page.navigate", url=f"http://127.0.0.1:{port}/")
        browser.wait("document.querySelector('#state')?.dataset.state === 'open'")
        return browser, server, port

    def received(self, browser):
        return browser.evaluate("[...document.querySelectorAll('#log .received .what')].map(e => e.textContent)")

    def type_message(self, browser, kind, text):
        browser.evaluate(f"document.querySelector('#kind').value = {json.dumps(kind)}")
        browser.evaluate(f"document.querySelector('#message').value = {json.dumps(text)}")

    def send(self, browser, kind, text):
        count = len(self.received(browser))
        self.type_message(browser, kind, text)
        browser.evaluate("document.querySelector('#send').click()")
        browser.wait(f"document.querySelectorAll('#log .received').length === {count + 1}")
        return self.received(browser)[-1]

    def test_echo(self):
        browser, server, port = self.open_page()
        self.assertEqual(browser.evaluate("document.querySelector('#url').value"), f"ws://127.0.0.1:{port}/")
        self.assertEqual(self.send(browser, "text", "grüße"), "grüße")
        self.assertEqual(self.send(browser, "utf8", "grü"), "67 72 c3 bc")
        self.assertEqual(self.send(browser, "hex", "00 ff 10"), "00 ff 10")
        self.assertTrue(self.send(browser, "random", "3000000").endswith("…"))

        self.type_message(browser, "text", "by keyboard")
        browser.evaluate("document.querySelector('#message').focus()")
        browser.wait("document.querySelector('#rtt').textContent.startsWith('last')")  # drawn: keys before that are dropped
        browser.press_enter()
        browser.wait("document.querySelectorAll('#log .received').length === 5")
        self.assertEqual(self.received(browser)[-1], "by keyboard")

        words = browser.evaluate("document.querySelector('#rtt').textContent")
        self.assertRegex(words, r"\Alast round trip [0-9.]+ ms\Z")
        browser.evaluate("document.querySelector('#probe').click()")
        browser.wait("samples.length >= 8")
        self.assertEqual(browser.complaints, [])

    def test_disconnect_and_connect_again(self):
        browser, _, _ = self.open_page()
        browser.evaluate("document.querySelector('#connect').click()")
        browser.wait("document.querySelector('#state').dataset.state === 'closed'")
        self.assertEqual(browser.evaluate("document.querySelector('#state').textContent"), "closed 1000")
        browser.evaluate("document.querySelector('#connect').click()")
        browser.wait("document.querySelector('#state').dataset.state === 'open'")
        self.assertEqual(self.send(browser, "text", "again"), "again")

    def test_end_of_the_server_is_shown(self):
        browser, server, _ = self.open_page()
        server.terminate()
        browser.wait("document.querySelector('#state').dataset.state === 'closed'")
        self.assertRegex(browser.evaluate("document.querySelector('#state').textContent"), r"\Aclosed 1001")
        self.assertEqual(server.wait(PATIENCE), 0)

    def test_broadcast(self):
        browser, _, port = self.open_page("--broadcast")
        other, _ = self.open_client(port)
        self.type_message(browser, "text", "to all others")
        browser.evaluate("document.querySelector('#send').click()")
        self.assertEqual(other.receive(), (TEXT, b"to all others"))
        other.send_frame(TEXT, b"<b>and back</b>")
        browser.wait("document.querySelectorAll('#log .received').length === 1")
        self.assertEqual(self.received(browser), ["<b>and back</b>"])


if __name__ == "__main__":
    unittest.main(verbosity=2)

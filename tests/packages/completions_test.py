"""The completions of the hawser program: each shell is asked, and offers the options that --help tells, and no others.

usage: completions_test.py bash|fish|zsh    (HAWSER is the program)
"""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

HAWSER = os.environ.get("HAWSER", "hawser")
COMPLETIONS = pathlib.Path(__file__).resolve().parents[2] / "tools" / "completions"
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"


def options_of(*subcommand):
    """Those that --help tells: the words with dashes that begin a line."""
    text = subprocess.run([HAWSER, *subcommand, "--help"], check=True, capture_output=True, text=True).stdout
    names = re.findall(r"^  (-[\w,-]+)", text, re.MULTILINE)
    return {name for group in names for name in group.split(",")}


def environment():
    """Without the user's own settings, nor what completes by habit."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "dumb", "LC_ALL": "C"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment(), stdin=subprocess.DEVNULL).stdout


def ask_bash(line):
    """What the function puts into COMPREPLY, called as readline would: = and : break words."""
    words = re.findall(r"[=:]+|[^=: ]+", line) + ([""] if line.endswith((" ", "=", ":")) else [])
    script = ('source "$0"; source "$1"; COMP_LINE=$2; shift 2; compopt() { :; }\n'
              'COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n'
              '_hawser "$1" "${!#}" "${*: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"')
    return run("bash", "--norc", "-c", script, BASH_COMPLETION, COMPLETIONS / "hawser.bash", line, *words).split()


def ask_fish(line):
    lines = run("fish", "--no-config", "-c", f"source {COMPLETIONS}/hawser.fish; complete -C '{line}'").splitlines()
    return [offer.split("\t")[0] for offer in lines]


ZSHRC = f"""
fpath=({COMPLETIONS} $fpath)
autoload -U compinit; compinit -u -D
PROMPT=
zstyle ':completion:*' list-prompt ''
list-and-tell() {{ zle list-choices; zle -R; print '\\n<listed>' }}
zle -N list-and-tell
bindkey '^I' list-and-tell
zle-line-init() {{ print '<ready>' }}
zle -N zle-line-init
"""


def zsh_on_terminal(folder):
    """An interactive zsh with the settings of the folder: its process and the terminal, which has room for every list."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 200, 200, 0, 0))
            os.execve(shutil.which("zsh"), ["zsh", "--no-global-rcs", "-i"], dict(environment(), ZDOTDIR=folder))
        finally:
            os._exit(127)
    return pid, terminal


def read_until(terminal, word):
    shown = b""
    while word not in shown:
        if not select.select([terminal], [], [], 60)[0]:
            raise AssertionError(f"zsh says no {word}, but {shown}")
        try:
            more = os.read(terminal, 4096)
        except OSError:  # how a terminal says on Linux that zsh has ended
            more = b""
        if not more:
            raise AssertionError(f"zsh ended before {word}, with {shown}")
        shown += more
    return shown.partition(word)[0].decode()


def ask_zsh(line):
    """What it shows on a terminal of its own when Tab is pressed behind the line: read while it lives, because the kernel
    drops what a session's leader wrote and nobody read when it exits."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, ".zshrc").write_text(ZSHRC, encoding="utf-8")
        pid, terminal = zsh_on_terminal(folder)
        try:
            read_until(terminal, b"<ready>")
            os.write(terminal, f"{line}\t".encode())
            return read_until(terminal, b"<listed>").split()
        finally:
            os.kill(pid, signal.SIGKILL)
            os.close(terminal)
            os.waitpid(pid, 0)


class Completions:
    """What each shell is asked; `ask` answers with the words that it offers."""

    def test_options(self):
        for subcommand in ("serve", "connect"):
            self.assertEqual(self.options(f"hawser {subcommand} -"), options_of(subcommand))

    def test_subcommands_come_first(self):
        offered = set(self.ask("hawser "))
        self.assertLessEqual({"serve", "connect"}, offered)
        self.assertFalse(options_of("serve") - options_of() & offered)

    def test_options_of_the_program(self):
        self.assertEqual(self.options("hawser -"), options_of())

    def test_values(self):
        self.assertLessEqual({"auto", "epoll", "kqueue", "poll"}, set(self.ask("hawser serve --backend ")))
        self.assertLessEqual({"shared", "dedicated", "off"}, {word.rpartition("=")[2] for word in self.ask("hawser connect --deflate=")})

    def test_files(self):
        self.assertLessEqual({"hawser.bash", "hawser.fish"}, {word.rpartition("/")[2] for word in self.ask(
            f"hawser serve --tls-cert {COMPLETIONS}/hawser")})

    def options(self, line):
        return {word for word in self.ask(line) if re.fullmatch(r"-\w|--[\w-]+", word)}


class Bash(Completions, unittest.TestCase):
    ask = staticmethod(ask_bash)

    def test_schemes(self):
        self.assertEqual(ask_bash("hawser connect "), ["ws://", "wss://"])
        self.assertEqual(ask_bash("hawser connect ws:"), ["//"])


class Fish(Completions, unittest.TestCase):
    ask = staticmethod(ask_fish)

    def test_schemes(self):
        self.assertEqual(ask_fish("hawser connect w"), ["ws://", "wss://"])


class Zsh(Completions, unittest.TestCase):
    ask = staticmethod(ask_zsh)

    def test_schemes(self):
        self.assertLessEqual({"ws://", "wss://"}, set(ask_zsh("hawser connect ")))


def main(shell):
    if not shutil.which(shell) or (shell == "bash" and not os.path.exists(BASH_COMPLETION)):
        package = "bash-completion" if shell == "bash" else shell
        print(f"skipped: packages/completions/{shell}: {package} is not here (scripts/test --all installs it)")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], shell.capitalize()], verbosity=2)


main(sys.argv[1])

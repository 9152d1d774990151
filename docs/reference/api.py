#!/usr/bin/env python3
"""Writes docs/reference/api.md from hawser.h: api.py hawser.h options.md > api.md. A test compares the two."""

import re
import sys

import header

INTRODUCTION = """\
# C API

`#include <hawser.h>`, and link with what `pkg-config --cflags --libs hawser` says. This page is made from
[hawser.h](../../capi/include/hawser.h), the reference manual. Each function is also a manual page, as `man hws_manager_poll`, and
`man libhawser` is what stands here before the first section. A function that any thread may call says so; promise 6 is about the others.
"""
WORD = re.compile(r"`(?P<code>\w+)`|(?P<name>\b(?:hws|HWS)_\w+)(?P<rest>\.\w+|\([^()]*\)|\*)?|\"(?P<quoted>[a-z_]+)\""
                  r"|\bdocs/(?P<folder>\w+)/(?P<page>[\w-]+\.md)|(?P<special>[*<|])")


def heading(entry):
    return ", ".join(entry.names) if len(entry.names) <= 3 else f"{entry.names[0]} and its neighbours"


def slug(title):
    """The anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


class Page:
    def __init__(self, parsed, options):
        self.anchors = {name: f"#{slug(heading(entry))}" for entry in parsed.entries() for name in entry.names}
        self.anchors.update({name: "errors.md" for entry in parsed.entries() for declaration in entry.declarations
                             for member, _ in declaration.members if (name := member.split()[0]).startswith("HWS_ERR_")})
        self.options = {name: f"options.md#{name}" for name in options}

    def words(self, text, own=()):
        """Text as Markdown: names are code, and lead to where they are explained."""
        def word(match):
            if match["special"]:
                return "\\" + match[0]
            if match["page"]:
                return f"[{match['page']}](../{match['folder']}/{match['page']})".replace("../reference/", "")
            if match["quoted"] and match["quoted"] not in self.options:
                return match[0]
            name = match["code"] or match["name"] or match["quoted"]
            code = f"`{name}{match['rest'] or ''}`"
            target = None if name in own else (self.options if match["quoted"] else self.anchors).get(name)
            return f"[{code}]({target})" if target else code
        return WORD.sub(word, text)

    def text(self, text, own=(), language="text"):
        for kind, content in header.blocks(text):
            if kind == "heading":
                yield f"## {content}"
            elif kind == "list":
                yield "\n".join(f"{number}. {self.words(item, own)}" for number, item in enumerate(content, 1))
            elif kind == "code":
                yield "\n".join([f"```{language}", *content, "```"])
            else:
                yield self.words(content, own)

    def entry(self, entry):
        members = [f"| `{member}` | {self.words(note)} |" for member, note in entry.declarations[0].members]
        if entry.names:
            yield f"### {heading(entry)}"
        if not members:
            yield "\n".join(["```c", *(declaration.code for declaration in entry.declarations), "```"])
        yield from self.text(entry.text, entry.names)
        if members:
            yield "\n".join([f"| {'field' if entry.names else 'constant'} | meaning |", "|---|---|", *members])

    def section(self, section):
        yield f"## {section.title}"
        yield from self.text(section.text)
        for entry in section.entries:
            yield from self.entry(entry)


def main(header_path, options_path):
    with open(options_path, encoding="utf-8") as file:
        options = re.findall(r"^## `(\w+)`$", file.read(), re.MULTILINE)
    parsed = header.read(header_path)
    page = Page(parsed, options)
    parts = [INTRODUCTION.strip(), *page.text(parsed.text, language="c")]
    for section in parsed.sections:
        parts += page.section(section)
    print("\n\n".join(parts))


main(*sys.argv[1:])

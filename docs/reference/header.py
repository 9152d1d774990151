"""Reads hawser.h: its sections, what they declare, and the comments. api.py and man.py write the C reference from it.

hawser.h is regular: a comment at the top, then sections that begin with a comment between two rules, in them `/** ... */` before what it
is about and `/**< ... */` behind it. Functions that follow without a comment of their own share the one before.
"""

import dataclasses
import re


@dataclasses.dataclass
class Declaration:
    kind: str  # function, type, struct, enum
    name: str  # "" for an enum
    code: str  # as in the header, without comments
    note: str = ""  # the comment behind it
    result: str = ""
    arguments: list = dataclasses.field(default_factory=list)
    members: list = dataclasses.field(default_factory=list)  # (declaration, comment) of a struct or an enum


@dataclasses.dataclass
class Entry:
    """Declarations that share a comment."""
    text: str
    declarations: list

    @property
    def names(self):
        return [declaration.name for declaration in self.declarations if declaration.name]

    @property
    def is_functions(self):
        return self.declarations[0].kind == "function"


@dataclasses.dataclass
class Section:
    title: str
    text: str
    entries: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Header:
    title: str
    text: str
    sections: list

    def entries(self):
        return [entry for section in self.sections for entry in section.entries]


TOKEN = re.compile(
    r"/\* -{60,}\n(?P<section>.*?)\n \* -{60,} \*/"
    r"|/\*\*(?!<)(?P<text>.*?)\*/"
    r"|enum \{(?P<enum>.*?)\};"
    r"|typedef struct (?P<struct>\w+) \{(?P<fields>.*?)\} \w+;"
    r"|typedef (?P<type>[\w ]+);"
    r"|^HWS_API (?P<result>[\w ]+[ *])(?P<function>\w+)\((?P<arguments>.*?)\);(?: */\*\*<(?P<note>.*?)\*/)?", re.DOTALL | re.MULTILINE)
CONSTANT = re.compile(r"(?P<member>\w+ = -?\d+),?\s*(?:/\*\*<(?P<note>.*?)\*/)?", re.DOTALL)
FIELD = re.compile(r"(?P<member>[\w\s]+?[ *]\w+);\s*(?:/\*\*<(?P<note>.*?)\*/)?", re.DOTALL)
ERROR = re.compile(r"(?<![\w*])_(?=[A-Z]{2})")  # HWS_ERR_URL, _LISTEN: short for HWS_ERR_LISTEN


def one_line(text):
    return " ".join((text or "").split())


def without_stars(comment):
    """The words of a comment, line by line, as they were written."""
    lines = [re.sub(r"^ ?\* ?", "", line) for line in comment.strip().splitlines()]
    return ERROR.sub("HWS_ERR_", "\n".join(lines).strip())


def members(pattern, code):
    return [(one_line(match["member"]), ERROR.sub("HWS_ERR_", one_line(match["note"]))) for match in pattern.finditer(code)]


def declaration_of(match):
    code = re.sub(r" */\*\*<.*?\*/", "", match[0], flags=re.DOTALL).removeprefix("HWS_API ")
    if match["function"]:
        arguments = [one_line(argument) for argument in match["arguments"].split(",")]
        return Declaration("function", match["function"], re.sub(r"\n {9}", "\n ", code), one_line(match["note"]),
                           match["result"].strip(), arguments)
    if match["enum"]:
        return Declaration("enum", "", code, members=members(CONSTANT, match["enum"]))
    if match["struct"]:
        return Declaration("struct", match["struct"], code, members=members(FIELD, match["fields"]))
    return Declaration("type", match["type"].split()[-1], code)


def add(entries, declaration, comment):
    if declaration.kind == "function" and comment is None:
        entries[-1].declarations.append(declaration)
        if declaration.note:
            entries[-1].text += f" {declaration.name}: {declaration.note}."
    else:
        entries.append(Entry(comment or "", [declaration]))


def read(path):
    with open(path, encoding="utf-8") as file:
        top, rest = file.read().split("*/\n", 1)
    title, text = without_stars(top.removeprefix("/*")).split("\n", 1)
    header, comment = Header(title.split(" - ")[1], text.strip(), []), None
    for match in TOKEN.finditer(rest):
        if match["section"]:
            title, _, text = without_stars(match["section"]).partition("\n")
            header.sections.append(Section(title, text.strip()))
        elif match["text"]:
            comment = without_stars(match["text"])
        else:
            add(header.sections[-1].entries, declaration_of(match), comment)
            comment = None
    return header


def blocks(text):
    """The text in pieces: ("words", line), ("heading", line), ("code", lines) or ("list", [item, ...])."""
    for block in re.split(r"\n{2,}(?! )|\n{2,}(?= {4})", text):
        lines = block.splitlines()
        if re.match(r" *\d+\. ", block):
            yield "list", [one_line(item) for item in re.split(r"^ *\d+\. ", block, flags=re.MULTILINE)[1:]]
        elif block.startswith("    "):
            yield "code", [line[4:] for line in lines]
        elif block.isupper():
            yield "heading", block.capitalize()
        elif block:
            yield "words", one_line(block)

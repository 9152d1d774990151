#!/usr/bin/env python3
"""Writes the manual pages of the C API, in mdoc(7): man.py hawser.h options.md counters.md FOLDER makes FOLDER/man3 and FOLDER/man7.

Each function has a page, which its neighbours share if one comment of hawser.h is about them all; and each type has one, with the
constants that belong to it and a list of its functions. libhawser(3) is the comment at the top. The pages bear the date of
SOURCE_DATE_EPOCH, or of the header.
"""

import os
import pathlib
import re
import sys
import textwrap
import time

import header

THREADS = {
    "hws_options": "A handle belongs to one thread at a time.",
    "hws_session": "A session belongs to one thread at a time.",
    "hws_manager": "One thread at a time, and none while another is inside hws_manager_poll: promise 6 of libhawser.",
}
WORD = re.compile(r"`(?P<code>\w+)`|\b(?P<name>hws_\w+|libhawser)\b(?P<call>\()?|docs/reference/(?P<table>\w+)\.md"
                  r"|(?P<minus>(?<!\w)-(?=\w))")


def short(text):
    """What a comment says first, as a line of apropos."""
    sentence = re.sub(r', "[^"]*"', "", re.split(r"\.(?:\s|$)", header.one_line(text))[0])
    return re.split(r"[;(]|: |, see", sentence)[0].strip().replace("`", "").replace('"', "")


def without_idle_paragraphs(lines):
    """Without each .Pp that has no text behind it, or a macro before it that makes a paragraph by itself."""
    around = zip(["", *lines], lines, [*lines[1:], ".Sh"])
    return [line for before, line, behind in around
            if line != ".Pp" or not (before.startswith((".Sh", ".Ss")) or behind.startswith((".Sh", ".Ss", ".Pp", ".Bl", ".Bd")))]


class Manual:
    def __init__(self, parsed, date):
        self.parsed, self.date = parsed, date
        self.pages = {}  # (name, section of the manual): text
        self.aliases = {}  # name: the page of section 3 that it is on
        self.home = {"libhawser": "libhawser"}  # the page that each name is on
        self.meaning = {member.split()[0]: note for entry in parsed.entries() for declaration in entry.declarations
                        for member, note in declaration.members}
        self.entries = {name: entry for entry in parsed.entries() for name in entry.names}
        for groups in self.groups().values():
            types = [name for section in groups for entry in section.entries if not entry.is_functions for name in entry.names]
            self.home.update(dict.fromkeys(types, types[0]))
        for entry in parsed.entries():
            if entry.is_functions:
                self.home.update(dict.fromkeys(entry.names, entry.names[0]))

    def groups(self):
        """The sections, by the type that they are about."""
        groups = {}
        for section in self.parsed.sections:
            types = [name for entry in section.entries if not entry.is_functions for name in entry.names]
            owner = types[0] if types else owner
            groups.setdefault(owner, []).append(section)
        return groups

    def words(self, text, own=()):
        """Text, each sentence on a line of its own."""
        def word(match):
            if match["minus"]:
                return "\\-"
            if match["table"]:
                return f"\\fBhawser_{match['table']}\\fP(7)"
            if match["code"]:
                return f"\\fI{match['code']}\\fP"
            reference = "" if match["call"] or match["name"] in own or match["name"] not in self.home else "(3)"
            return f"\\fB{match['name']}\\fP{reference}{match['call'] or ''}"

        for sentence in re.split(r"(?<=(?<!\.\.)\.) ", WORD.sub(word, text.replace("\\", "\\e"))):
            for line in textwrap.wrap(sentence, 79, break_long_words=False, break_on_hyphens=False):
                yield "\\&" + line if line[0] in ".'" else line

    def text(self, text, own=()):
        for number, (kind, content) in enumerate(header.blocks(text)):
            if kind == "heading":
                yield f".Sh {content.upper()}"
            elif kind == "list":
                yield ".Bl -enum"
                for item in content:
                    yield ".It"
                    yield from self.words(item, own)
                yield ".El"
            elif kind == "code":
                yield from [".Bd -literal -offset indent", *(line.replace("\\", "\\e") for line in content), ".Ed"]
            else:
                yield from [".Pp"] if number and last != "heading" else []
                yield from self.words(content, own)
            last = kind

    def tagged(self, pairs, own=()):
        yield ".Bl -tag -width Ds"
        for tag, text in pairs:
            yield f".It {tag}"
            yield from self.words(text, own)
        yield ".El"

    def add(self, name, section, described, parts, names=None):
        names = names or [name]
        lines = [f".Dd {self.date}", f".Dt {name.upper()} {section}", ".Os", ".nh", ".Sh NAME",
                 *(f".Nm {each} ," for each in names[:-1]), f".Nm {names[-1]}", f".Nd {described}"]
        if section == 3:
            lines += [".Sh LIBRARY", "libhawser (\\-lhawser)"]
        self.pages[name, section] = "\n".join(without_idle_paragraphs([*lines, *parts])) + "\n"
        self.aliases.update(dict.fromkeys(names[1:], name))

    def see_also(self, text, own, owner=None):
        """libhawser(3), the type and whatever the text names, in order of the alphabet."""
        named = {"libhawser", *re.findall(r"\bhws_\w+", text), *([owner] if owner else [])}
        if "namesakes of the manager" in text:
            named |= {name.replace("session", "manager") for name in own}
        pages = sorted({(3, self.home[name]) for name in named if name in self.home} - {(3, self.home[name]) for name in own})
        if re.search(r"\boptions?\b", text):
            pages.append((7, "hawser_options"))
        if "counter" in text:
            pages = sorted([*pages, (7, "hawser_counters")])
        yield ".Sh SEE ALSO"
        yield from [f".Xr {name} {section} ," for section, name in pages[:-1]] + [f".Xr {pages[-1][1]} {pages[-1][0]}"]

    def errors_of(self, entry):
        """The codes that a comment says a call answers: those of the sentences that begin so."""
        text = header.one_line(entry.text)
        said = [sentence for sentence in re.split(r"(?<=\.) ", text) if sentence.startswith(("HWS_ERR_", "Returns ", "Errors as "))]
        codes = set(re.findall(r"HWS_ERR_\w+", " ".join(said)))
        for other in re.findall(r"Errors as (\w+)", text):
            codes |= self.errors_of(self.entries[other])
        if "with the same errors" in text:
            codes.update(*(self.errors_of(self.entries[name.replace("session", "manager")]) for name in entry.names))
            codes -= {"HWS_ERR_BUSY", *re.findall(r"\bno (HWS_ERR_\w+)", text)}
        if codes or entry.declarations[0].result == "hws_result":
            codes.add("HWS_ERR_ARGUMENT")
            if entry.names[0].startswith("hws_manager") and "Any thread" not in text:
                codes.add("HWS_ERR_BUSY")
        return codes

    def return_values(self, entry, codes):
        result = entry.declarations[0].result
        if result == "hws_id":
            return "A positive id; a negative error code if it fails."
        if result == "hws_result" and "Returns " not in entry.text:
            return "0; a negative error code if it fails."
        if codes:
            return "A number that is not negative; a negative error code if it fails."
        if result.startswith("const"):
            return "What is returned stays the library's: it is not to be freed."
        if result.endswith("*"):
            return f"A handle, to be freed by {result.removesuffix(' *')}_free; NULL if it fails."
        return None

    def function_page(self, entry, owner, section):
        names, comment = entry.names, entry.text
        if section is not self.groups()[owner][0] and entry.declarations[0].result.startswith("const"):
            comment = f"{comment}\n\n{section.text}".strip()  # what is said of all readers
        text = header.one_line(comment)
        parts = [".Sh SYNOPSIS", ".In hawser.h"]
        for declaration in entry.declarations:
            quoted = (f'"{argument}"' for argument in declaration.arguments)
            parts += [f'.Ft "{declaration.result}"', f".Fn {declaration.name} {' '.join(quoted)}"]
        parts += [".Sh DESCRIPTION", *self.text(comment, names)]
        codes = self.errors_of(entry)
        returned = self.return_values(entry, codes)
        if returned:
            parts += [".Sh RETURN VALUES", *self.words(returned, names)]
        if codes:
            parts += [".Sh ERRORS", *self.tagged([(f"Dv {code}", self.meaning[code]) for code in self.meaning if code in codes], names)]
        if "Any thread" in text:
            parts += [".Sh THREADS", *self.words("Any thread may call it.")]
        elif "_new" not in names[0]:
            parts += [".Sh THREADS", *self.words(THREADS[owner], names)]
        self.add(names[0], 3, short(entry.text), [*parts, *self.see_also(text, names, owner)], names)

    def type_page(self, owner, sections):
        types = [entry for entry in sections[0].entries if not entry.is_functions]
        names = [name for entry in types for name in entry.names]
        parts = [".Sh SYNOPSIS", ".In hawser.h"]
        for declaration in (entry.declarations[0] for entry in types if entry.names):
            fields = [f"\t{member};" for member, _ in declaration.members]
            code = [f"typedef struct {declaration.name} {{", *fields, f"}} {declaration.name};"] if fields else [declaration.code]
            parts += [".Bd -literal", *code, ".Ed"]
        parts += [".Sh DESCRIPTION", *self.text(sections[0].text, names)]
        for entry in types:
            members, macro = entry.declarations[0].members, 'Fa "{}"' if entry.names else "Dv {}"
            parts += [f".Ss {entry.names[0]}"] if entry.names and entry.text else [".Pp"]
            parts += self.text(entry.text, names)
            parts += self.tagged([(macro.format(member), note) for member, note in members], names) if members else []
        for section in sections:
            functions = [entry for entry in section.entries if entry.is_functions]
            if functions:
                parts += [f".Ss {section.title}", *(self.text(section.text, names) if section is not sections[0] else [])]
                parts += self.tagged([(" , ".join(f"Xr {name} 3" for name in entry.names), short(entry.text) + ".") for entry in functions])
        text = " ".join(section.text for section in sections)
        self.add(owner, 3, short(sections[0].text or sections[0].title), [*parts, *self.see_also(text, names)], names)

    def table_page(self, name, described, text, pairs):
        self.add(name, 7, described, [".Sh DESCRIPTION", *self.words(header.one_line(text)), *self.tagged(pairs),
                                      ".Sh SEE ALSO", ".Xr libhawser 3"])

    def make(self, options, counters):
        self.add("libhawser", 3, self.parsed.title,
                 [".Sh SYNOPSIS", ".In hawser.h", ".Sh DESCRIPTION", *self.text(self.parsed.text, ["libhawser"]), ".Sh SEE ALSO",
                  ".Xr hawser 1 ,", *(f".Xr {owner} 3 ," for owner in sorted(self.groups())),
                  ".Xr hawser_counters 7 ,", ".Xr hawser_options 7"])
        for owner, sections in self.groups().items():
            self.type_page(owner, sections)
            for section in sections:
                for entry in section.entries:
                    if entry.is_functions:
                        self.function_page(entry, owner, section)
        introduction, *rest = re.split(r"^## ", options, flags=re.MULTILINE)
        self.table_page("hawser_options", "options of libhawser", introduction.split("\n", 1)[1],
                        [(f"Li {name.strip('`')}", " ".join(text.split())) for name, text in (option.split("\n", 1) for option in rest)])
        introduction, table = counters.split("\n| name", 1)
        self.table_page("hawser_counters", "counters of libhawser", introduction.split("\n", 1)[1],
                        [(f"Li {name}", text) for name, text in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)])


def main(header_path, options_path, counters_path, folder):
    when = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH") or os.stat(header_path).st_mtime))
    manual = Manual(header.read(header_path), f"{time.strftime('%B', when)} {when.tm_mday}, {when.tm_year}")
    manual.make(pathlib.Path(options_path).read_text(encoding="utf-8"), pathlib.Path(counters_path).read_text(encoding="utf-8"))
    for (name, section), text in manual.pages.items():
        path = pathlib.Path(folder, f"man{section}", f"{name}.{section}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for alias, name in manual.aliases.items():
        path = pathlib.Path(folder, "man3", f"{alias}.3")
        path.unlink(missing_ok=True)
        path.symlink_to(f"{name}.3")


main(*sys.argv[1:])

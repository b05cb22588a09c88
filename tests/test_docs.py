"""The documentation says what the code does, as far as that can be compared."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct

from trio_orchestrator.protocol import inbound, outbound
from trio_orchestrator.protocol.codes import CloseCode, ErrorCode
from trio_orchestrator.settings import markdown_table

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROTOCOL = ROOT / "docs" / "protocol.md"
HOW_TO = ROOT / "docs" / "how-to-add-a-message.md"

_CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return _CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What links may name in a page, as GitHub makes it of headings."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in headings}


def section(page: Path, heading: str) -> str:
    """What stands below `heading`, up to the next one of its level."""
    return prose(page).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(table: str) -> list[str]:
    """The first cell of each row of a table, its head left out."""
    return re.findall(r"^\| `?([\w-]+)`? \|", table, re.MULTILINE)[1:]


def members(struct: type[Struct]) -> Iterator[str]:
    """The members of a message as they are on the wire, each with those of the objects that it lists behind it."""
    for field in msgspec.structs.fields(struct):
        yield field.encode_name
        for part in get_args(field.type):
            if isinstance(part, type) and issubclass(part, Struct):
                yield from members(part)


def tags(union: Iterable[Any]) -> set[str]:
    return {member.__struct_config__.tag for member in union}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}"


def test_every_page_below_docs_is_linked_from_the_readme_or_from_its_own_folder() -> None:
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in _LINK.findall(prose(page))}
    assert set(ROOT.glob("docs/**/*.md")) <= linked


def test_the_readme_has_the_table_of_settings() -> None:
    assert markdown_table() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_only_targets_that_make_knows() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    # At the beginning of a line or behind assignments, so not in "all it takes to make it".
    named = set(re.findall(r"(?:^|`|=\S+ )make ([a-z]+)", readme, re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_the_error_codes_are_those_of_the_code() -> None:
    assert sorted(first_cells(section(PROTOCOL, "Error codes"))) == sorted(ErrorCode)


def test_the_close_codes_are_those_of_the_code() -> None:
    assert first_cells(section(PROTOCOL, "Close codes")) == [str(int(code)) for code in sorted(CloseCode)]


def test_the_messages_of_peers_are_those_of_the_code() -> None:
    assert set(first_cells(section(PROTOCOL, "What a client sends"))) == tags(get_args(inbound.ClientMessage))
    assert set(first_cells(section(PROTOCOL, "What a processor sends"))) == tags(get_args(inbound.ProcessorMessage))


def test_the_messages_of_the_orchestrator_are_those_of_the_code_members_in_order() -> None:
    shown = {
        (kind, tuple(re.findall(r'"(\w+)":', shown_members)))
        for kind, shown_members in re.findall(
            r'`\{"type":"(\w+)"(.*?)\}`', section(PROTOCOL, "What the orchestrator sends")
        )
    }
    structs = outbound._Outbound.__subclasses__()
    made = {(struct.__struct_config__.tag, tuple(members(struct))) for struct in structs}
    # Made by hand, as it is the one that is made most often.
    assert shown == made | {("boundingBoxes", ("cameraId", "frameId", "boxes"))}


def test_the_how_to_quotes_code_that_exists() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("trio_orchestrator/**/*.py"))
    quoted = [
        text for language, text in _CODE_BLOCK.findall(HOW_TO.read_text(encoding="utf-8")) if language == "python"
    ]
    assert len(quoted) == 5
    for text in quoted:
        assert text in sources, text

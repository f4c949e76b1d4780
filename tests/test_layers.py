"""pages -> app -> core, and inside core study -> experiments -> ... -> params: skipping a layer is fine, going back is not."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from app.navigation import PAGES

ROOT = Path(__file__).parents[1]
FORBIDDEN = {"core": {"streamlit", "app", "pages", "plotly"}, "app": {"pages"}, "pages": {"pages"}}
ROOMS = (
    "study",
    "experiments",
    "runs",
    "training",
    "attacks",
    "denoisers",
    "measures",
    "data",
)  # each imports what follows
LONGEST = {"app": 320, "core": 330, "pages": 99}  # lines


def imports(file: Path) -> set[str]:
    """Return the modules a file imports, anywhere in it; of `from a import b`, a and a.b."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = [(node.module or "", node.names) for node in nodes if isinstance(node, ast.ImportFrom)]
    return plain | {module for module, _ in parts} | {f"{module}.{a.name}" for module, names in parts for a in names}


def module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules(room: str) -> dict[str, Path]:
    found = {module(file): file for file in (ROOT / room).rglob("*.py")}
    assert found
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_nobody_imports_upwards(room: str) -> None:
    for file in modules(room).values():
        assert not {name.partition(".")[0] for name in imports(file)} & FORBIDDEN[room], file


@pytest.mark.parametrize("room", ["core", "app"])
def test_no_modules_import_each_other_in_a_circle(room: str) -> None:
    files = modules(room)
    TopologicalSorter({name: imports(file) & files.keys() - {name} for name, file in files.items()}).prepare()


@pytest.mark.parametrize("place", range(1, len(ROOMS)))
def test_no_room_of_core_knows_the_rooms_before_it(place: int) -> None:
    room, before = ROOMS[place], tuple(f"core.{name}" for name in ROOMS[:place])
    for where, file in modules(f"core/{room}").items():
        back = {name for name in imports(file) for b in before if name == b or name.startswith(f"{b}.")}
        assert not back, f"{where} imports {back}"


@pytest.mark.parametrize("file", sorted((ROOT / "core").glob("[!_]*.py")), ids=lambda file: file.stem)
def test_what_every_room_uses_uses_no_room(file: Path) -> None:
    assert not {".".join(name.split(".")[:2]) for name in imports(file)} & {f"core.{room}" for room in ROOMS}


@pytest.mark.parametrize("room", LONGEST)
def test_no_module_is_too_long_to_read(room: str) -> None:
    long = {
        name: n for name, file in modules(room).items() if (n := len(file.read_text().splitlines())) > LONGEST[room]
    }
    assert not long


def test_caches_are_in_one_file() -> None:
    """Components register themselves once, and main.py settles the process; all data is cached in app/cache.py."""
    users = {
        name: file
        for room in ("app", "pages")
        for name, file in modules(room).items()
        if "st.cache_" in file.read_text() and name not in ("app.main", "app.browser")
    }
    assert set(users) == {"app.cache"}


def test_every_page_has_its_entry_and_its_question() -> None:
    assert sorted(entry.name for entry in PAGES) == sorted(file.stem for file in (ROOT / "pages").glob("*.py"))
    for entry in PAGES:
        assert "st.title(" not in entry.file.read_text(), (
            f"{entry.name} has a title of its own: the table of pages has it"
        )
        assert entry.asks.endswith("?")

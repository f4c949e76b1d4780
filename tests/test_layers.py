"""pages -> app -> core: skipping a layer is fine, going back is not."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {"core": {"streamlit", "app", "pages", "plotly"}, "app": {"pages"}, "pages": {"pages"}}


def imports(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {
        name.partition(".")[0]
        for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    }


@pytest.mark.parametrize("room", FORBIDDEN)
def test_nobody_imports_upwards(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for file in files:
        assert not imports(file) & FORBIDDEN[room], file


def test_caches_are_in_one_file() -> None:
    """Components register themselves once, and main.py settles the process; all data is cached in app/cache.py."""
    users = {
        f.relative_to(ROOT).as_posix()
        for room in ("app", "pages")
        for f in (ROOT / room).rglob("*.py")
        if "@st.cache_data" in f.read_text()
    }
    assert users == {"app/cache.py"}


def test_every_page_has_its_entry_and_its_question() -> None:
    main = (ROOT / "app" / "main.py").read_text()
    for page in (ROOT / "pages").glob("*.py"):
        assert f'("{page.stem}"' in main
        assert "st.title(" in page.read_text()

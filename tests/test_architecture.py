"""The house stays as docs/architecture.md draws it: read from the source of every module, nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

import pytest

from hotelchat import bell
from hotelchat.after_commit import Job
from hotelchat.queries.views import View
from pages import handles

ROOT = Path(__file__).parent.parent
OURS = ("main", "hotelchat", "pages", "jobs")

# From the top down. A module may import its own unit (the longest name here that it begins with) and every layer
# below, never one above or beside. Why each stands where it does: docs/architecture.md.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("main",),
    ("pages.demo",),
    ("pages.app",),
    ("pages", "jobs"),  # screens: inbox, login and what they are cut into
    ("pages.components",),
    ("pages.live",),
    ("pages.reads",),
    ("pages.access", "pages.feeds", "pages.layout"),
    ("pages.markup",),
    ("pages.browser", "pages.words"),
    ("pages.handles",),
    ("hotelchat.web", "hotelchat.cli", "hotelchat.demo"),
    ("hotelchat.db",),  # above services and queries: they are given a session, they open none
    ("hotelchat.services",),
    ("hotelchat.concierge",),
    ("hotelchat.queries", "hotelchat.channels"),
    ("hotelchat.after_commit",),
    ("hotelchat.live",),
    ("hotelchat.bell",),
    ("hotelchat.ringing",),
    ("hotelchat.models", "hotelchat.events"),
    ("hotelchat.supervisor",),
    ("hotelchat.auth", "hotelchat.embedded", "hotelchat.schema", "hotelchat.settings"),
    (
        "hotelchat.clock",
        "hotelchat.text",
        "hotelchat.demo.content",
        "hotelchat.errors",
        "hotelchat.log",
        "hotelchat.migrations",
    ),
)
RANKS = {unit: rank for rank, layer in enumerate(reversed(LAYERS)) for unit in layer}

# Which INTERFACE.md handles the screens of today must carry; `filter-…` come from the views.
HANDLES = {
    "login-email", "login-password", "login-submit", "login-error", "conversation-list", "conversation-row", "search",
    "thread", "message", "composer", "send", "note-toggle", "ai-toggle", "take-over", "assign", "resolve", "reopen",
    "guest-panel", "connection-state", "phone-input", "phone-send", "phone-message",
}  # fmt: skip
FILTERS = {"needs-human", "mine", "unassigned", "concierge", "all"}

# SQL as text is read by nobody but PostgreSQL, so it stands in few places, each of which cannot do without.
RAW_SQL = {
    "hotelchat.db",  # the ping of an idle connection
    "hotelchat.schema",  # advisory locks and time-outs around a migration
    "hotelchat.models.base",  # a column's default is the database's clock
    "hotelchat.queries.knowledge",  # the search: one statement, readable only as SQL
    "hotelchat.services.conversations",  # the condition of a partial unique index
    "hotelchat.services.demo",  # an advisory lock: two first starts at once
    "hotelchat.services.intake",  # the hot path: a batch of messages in two statements, readable only as SQL
    "hotelchat.services.team",  # the same lock as in demo
    "hotelchat.web.health",  # SELECT 1
}


@dataclass(frozen=True)
class Module:
    """One source file of ours."""

    path: Path

    @property
    def name(self) -> str:
        """As one imports it."""
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    def at(self, node: ast.AST | int) -> str:
        """Where to look: `pages/inbox.py:12`."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return f"{self.path.relative_to(ROOT)}:{line}"

    @cached_property
    def run(self) -> list[ast.AST]:
        """What stands in it, but for what only a type checker reads."""
        unread = [n for n in self.nodes if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
        ids = {id(inner) for each in unread for inner in ast.walk(each)}
        return [node for node in self.nodes if id(node) not in ids]

    @cached_property
    def docstrings(self) -> set[int]:
        """Of which constants are documentation, by identity."""
        owners = [
            n for n in self.nodes if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        firsts = [owner.body[0] for owner in owners if owner.body]
        return {id(first.value) for first in firsts if isinstance(first, ast.Expr)}

    def texts(self) -> Iterator[tuple[ast.Constant, str]]:
        """Every string that is not documentation."""
        for node in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in self.docstrings:
                yield node, node.value

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Calls of a function or method with one of these names."""
        for node in self.nodes:
            if isinstance(node, ast.Call) and _last_name(node.func) in names:
                yield node

    def imports(self, body: list[ast.AST] | None = None) -> Iterator[tuple[ast.stmt, str]]:
        """What it imports, as full names of modules or of what stands in them."""
        for node in self.nodes if body is None else body:
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.at(node)}: import by the full name"
                yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _sources() -> list[Module]:
    folders = [ROOT / name for name in OURS if (ROOT / name).is_dir()]
    return [Module(ROOT / "main.py"), *(Module(path) for each in folders for path in sorted(each.rglob("*.py")))]


MODULES = {module.name: module for module in _sources()}
PRODUCT = list(MODULES.values())
PAGES = [module for module in PRODUCT if module.name.split(".")[0] == "pages"]
MARKUP = [module for module in PAGES if fnmatch(module.name, "pages.markup*")]
TESTS = [Module(path) for path in sorted((ROOT / "tests").rglob("*.py"))]


def unit_of(name: str) -> str:
    """The longest name in LAYERS that a module begins with."""
    found = [unit for unit in RANKS if name == unit or name.startswith(f"{unit}.")]
    assert found, f"{name} has no place yet: give it one in LAYERS, and in docs/architecture.md"
    return max(found, key=len)


def ours(name: str) -> str | None:
    """The module of ours that an imported name stands in; None for a library."""
    if name.split(".")[0] not in OURS:
        return None
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def none(found: list[str], rule: str) -> None:
    """Fail with every place that breaks the rule."""
    assert not found, f"{rule}\n  " + "\n  ".join(found)


# Layers


def test_imports_point_down() -> None:
    wrong = []
    for module in PRODUCT:
        if module.path.name == "__init__.py" and not module.tree.body[1:]:
            continue  # a package's one sentence
        here = unit_of(module.name)
        for node, imported in module.imports():
            target = ours(imported)
            if target is None or (there := unit_of(target)) == here or RANKS[there] < RANKS[here]:
                continue
            wrong.append(f"{module.at(node)}: {module.name} imports {target}")
    none(wrong, "A module imports only what stands below it in LAYERS.")


def test_no_circle_of_imports() -> None:
    graph = {
        module.name: {target for _, name in module.imports(module.run) if (target := ours(name))} for module in PRODUCT
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, "These import each other: " + " → ".join((*way[way.index(name) :], name))
        if name not in done:
            for target in graph[name] - {name}:
                visit(target, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_house_knows_neither_pages_nor_jobs() -> None:
    wrong = [
        f"{module.at(node)}: {name}"
        for module in PRODUCT
        if module.name.startswith("hotelchat")
        for node, name in module.imports()
        if name.split(".")[0] in {"pages", "jobs", "main", "nicegui"}
    ]
    none(wrong, "Nothing in hotelchat imports pages or jobs: a job is asked for by its name.")


def test_a_job_that_may_be_rung_exists_and_has_its_queue() -> None:
    assert {job.value for job in Job} == set(bell.JOBS)
    assert {kind.queue for kind in bell.JOBS.values()} == set(bell.QUEUES)
    for job in Job:
        module, _, function = job.value.rpartition(".")
        defined = {n.name for n in MODULES[module].tree.body if isinstance(n, ast.FunctionDef)}
        assert function in defined, f"{job.value} is rung but does not exist"


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("twilio", "hotelchat.channels.whatsapp"),
        ("openai", "hotelchat.concierge.language_model"),
        ("passlib", "hotelchat.auth"),
        ("alembic", "hotelchat.schema"),
        ("dotenv", "hotelchat.settings"),
    ],
)
def test_a_library_has_one_home(library: str, home: str) -> None:
    wrong = [
        f"{module.at(node)}: {name}"
        for module in PRODUCT
        if module.name != home and not module.name.startswith("hotelchat.migrations")
        for node, name in module.imports()
        if name.split(".")[0] == library
    ]
    none(wrong, f"Only {home} imports {library}.")
    assert any(name.split(".")[0] == library for _, name in MODULES[home].imports())


def test_nothing_is_imported_inside_a_function() -> None:
    wrong = [
        module.at(inner)
        for module in PRODUCT
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner, _ in module.imports(list(ast.walk(node)))
    ]
    none(wrong, "Imports stand at the top of a module.")


# The database


def test_only_transaction_commits() -> None:
    # schema.py besides: a migration holds a session-wide advisory lock on one connection and runs on another; it
    # commits the SET and the lock by itself, since a transaction left open there would block CREATE INDEX.
    allowed = {"hotelchat.db", "hotelchat.schema"}
    wrong = [m.at(call) for m in PRODUCT if m.name not in allowed for call in m.calls("commit")]
    none(wrong, "Only db.transaction() commits; everything else is given its session.")


def test_no_sql_in_pages_and_jobs() -> None:
    wrong = []
    for module in PRODUCT:
        if module.name.split(".")[0] not in {"pages", "jobs", "main"}:
            continue
        for node, name in module.imports():
            library = name.split(".")[0]
            is_error = name.startswith("sqlalchemy.exc.")
            if library in {"sqlalchemy", "sqlmodel", "psycopg2"} and not is_error and name != "sqlmodel.Session":
                wrong.append(f"{module.at(node)}: {name}")
        wrong += [module.at(call) for call in module.calls("exec", "exec_driver_sql", "scalars")]
    none(wrong, "Pages and jobs ask queries and services; they write no SQL.")


def test_sql_as_text_stands_in_few_places() -> None:
    found = {module.name: place for module in PRODUCT for place in _raw_sql(module)}
    allowed = {name for name in MODULES if name in RAW_SQL or name.startswith("hotelchat.migrations.")}
    none([place for name, place in found.items() if name not in allowed], "SQL as text only where RAW_SQL says.")
    assert set(found) >= RAW_SQL, f"RAW_SQL names too many: {RAW_SQL - set(found)}"


def _raw_sql(module: Module) -> Iterator[str]:
    """Calls of SQLAlchemy's text(), and cursors that are handed a string."""
    names = {imported for _, imported in module.imports()}
    for call in module.calls("text"):
        of_sqlalchemy = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in {"sa", "sqlalchemy"}
        if of_sqlalchemy or (isinstance(call.func, ast.Name) and "sqlalchemy.text" in names):
            yield module.at(call)
    for call in module.calls("execute", "exec_driver_sql"):
        if call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr):
            yield module.at(call)


def test_pages_bind_their_sessions_to_hotels() -> None:
    wrong = [
        module.at(call)
        for module in PAGES
        if module.name != "pages.access"  # finds out whose session it is, then binds it
        for call in module.calls("transaction")
        if not call.args and not call.keywords
    ]
    none(wrong, "A page's transaction names the hotels it may see: transaction([hotel_id]).")


# The screens


def test_html_is_made_in_markup_only() -> None:
    wrong = []
    for module in PRODUCT:
        if module in MARKUP:
            continue
        wrong += [module.at(node) for node, text in module.texts() if "innerHTML" in text]
        wrong += [module.at(n) for n in module.nodes if isinstance(n, ast.keyword) and n.arg == "innerHTML"]
        wrong += [module.at(node) for node, name in module.imports() if name in {"markupsafe.Markup", "markupsafe"}]
        wrong += [module.at(n) for n in module.nodes if isinstance(n, ast.Attribute) and ast.unparse(n) == "ui.html"]
    none(wrong, "Text becomes HTML in pages/markup only, where everything is escaped (PURE.md 8).")


def test_no_prop_is_evaluated_by_the_browser() -> None:
    wrong = [module.at(node) for module in PAGES for node, text in module.texts() if re.match(r":[a-zA-Z-]+$", text)]
    none(wrong, "A prop whose key starts with ':' is code in the browser (PURE.md 8).")


def test_what_the_browser_does_stands_in_browser_py() -> None:
    wrong = []
    for module in PAGES:
        if module.name == "pages.browser":
            continue
        given = [call.args[0] for call in module.calls("run_javascript") if call.args]
        given += [n.value for n in module.nodes if isinstance(n, ast.keyword) and n.arg == "js_handler"]
        wrong += [module.at(node) for node in given if not ast.unparse(node).startswith("browser.")]
        wrong += [module.at(call) for call in module.calls("add_body_html", "add_js_handler")]
    none(wrong, "Every expression for the browser has its name in pages/browser.py.")
    long = [m.at(n) for m in PAGES if m.name == "pages.browser" for n, text in m.texts() if "await" in text]
    none(long, "Nothing in the browser is awaited.")


def test_no_script_files() -> None:
    found = [str(path.relative_to(ROOT)) for name in OURS for path in (ROOT / name).rglob("*")
             if path.suffix in {".js", ".ts", ".vue", ".tsx", ".jsx"}]  # fmt: skip
    none(found, "The screens are written entirely in Python.")


def test_raw_colours_stand_in_the_style_sheets_only() -> None:
    raw = re.compile(r"#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b|\b(?:rgb|hsl|oklch)a?\(")
    wrong = [
        f"{module.at(node)}: {raw.findall(text)}"
        for module in PAGES
        for node, text in module.texts()
        if raw.search(text)
    ]
    none(wrong, "A colour is a token of pages/assets: var(--hc-…).")


def test_handles_are_written_once() -> None:
    wrong = []
    for module in PAGES:
        if module.name == "pages.handles":
            continue
        for node in module.nodes:
            if (
                isinstance(node, ast.keyword)
                and node.arg == "data_testid"
                and isinstance(node.value, ast.Constant | ast.JoinedStr)
            ):
                wrong.append(module.at(node.value))
            if isinstance(node, ast.Dict):
                wrong += [
                    module.at(value)
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "data-testid"
                    and not (isinstance(value, ast.Constant) and value.value in ("", None))
                    and not ast.unparse(value).startswith("handles.")
                ]  # fmt: skip
        wrong += [module.at(node) for node, text in module.texts() if re.search(r"data-testid=[\"']?[a-z]", text)]
    none(wrong, "Every data-testid comes from pages/handles.py.")


def test_the_handles_of_the_interface_are_on_the_screens() -> None:
    named = {name: value for name, value in vars(handles).items() if name.isupper()}
    assert set(named.values()) >= HANDLES, HANDLES - set(named.values())
    assert {view.value for view in View} >= FILTERS and handles.FILTER == "filter-"
    used = {
        n.attr for m in PAGES for n in m.nodes if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "handles"
    }
    assert set(named) == used, f"Never on a screen: {set(named) - used}"


# Size and care


def test_files_and_functions_are_short() -> None:
    long = [f"{m.path.relative_to(ROOT)}: {n} lines" for m in PRODUCT if (n := len(m.source.splitlines())) > 300]
    for module in PRODUCT:
        for node in module.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 40:
                    long.append(f"{module.at(node)}: {node.name} has {lines} lines")
    none(long, "No file over 300 lines, no function over 40.")


def test_the_middle_file_is_short() -> None:
    sizes = sorted(len(module.source.splitlines()) for module in PRODUCT)
    assert sizes[len(sizes) // 2] <= 90


def test_every_module_says_what_it_is_for() -> None:
    none([m.at(1) for m in PRODUCT if m.source.strip() and not ast.get_docstring(m.tree)], "One sentence at the top.")


def test_no_error_is_swallowed() -> None:
    wrong = []
    for module in PRODUCT:
        for node in module.nodes:
            if isinstance(node, ast.ExceptHandler):
                is_broad = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
                is_silent = all(isinstance(each, ast.Pass | ast.Continue) for each in node.body)
                if node.type is None or (is_broad and is_silent):
                    wrong.append(module.at(node))
        wrong += [
            module.at(call)
            for call in module.calls("suppress")
            if {ast.unparse(each) for each in call.args} & {"Exception", "BaseException"}
        ]
    none(wrong, "A broad except does something with the error.")


def test_time_is_read_in_clock_only() -> None:
    wrong = [
        module.at(call)
        for module in PRODUCT
        if module.name != "hotelchat.clock"
        for call in module.calls("now", "utcnow", "today")
        if ast.unparse(call.func) in {"datetime.now", "datetime.utcnow", "date.today", "datetime.today"}
    ]
    none(wrong, "The time comes from hotelchat.clock, so that tests can set it.")


def test_no_print() -> None:
    none([m.at(call) for m in PRODUCT for call in m.calls("print") if isinstance(call.func, ast.Name)], "Log it.")


def test_every_test_runs() -> None:
    ways_out = {"skip", "skipif", "skipIf", "skipUnless", "xfail", "importorskip", "SkipTest", "exit"}
    wrong = []
    for module in TESTS:
        for node in module.nodes:
            if isinstance(node, ast.Attribute) and node.attr in ways_out - {"exit"}:
                wrong.append(module.at(node))
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.exit":
                wrong.append(module.at(node))
            if isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & ways_out:
                wrong.append(module.at(node))
            if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant):
                wrong.append(module.at(node))
    none(wrong, "No test is skipped, expected to fail, or unable to fail.")


@pytest.mark.parametrize("rule", [unit_of, ours], ids=["unit_of", "ours"])
def test_the_rules_know_every_module(rule: Callable[[str], str | None]) -> None:
    assert all(rule(name) for name in MODULES if name not in {"hotelchat"})

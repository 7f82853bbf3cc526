"""What an operator reads is true: every setting, command and event is documented, and every link leads somewhere."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from hotelchat import events
from hotelchat.cli import cli
from hotelchat.settings import OpenAISettings, Settings, WhatsAppSettings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAPERS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
LATER = "## Not read yet"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def rows(path: Path) -> dict[str, str]:
    """The rows of a page's tables by the code in their first cell."""
    return {name: line for line in text(path).splitlines() for name in re.findall(r"^\| `([^`]+)` \|", line)}


# Settings


def settings_read() -> set[str]:
    """The names that code asks the environment for: `env.get("…")`, and constants spelt as settings are."""
    found = set()
    asked = ROOT / "hotelchat" / "settings.py"
    for path in sorted((ROOT / "hotelchat").rglob("*.py")):
        for node in ast.walk(ast.parse(text(path))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "env.get",
                "env.need",
                "os.environ.get",
                "os.getenv",
            }:
                found |= {str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant)}
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_name = r"[A-Z]+(_[A-Z]+)+" if path == asked else r"HOTELCHAT(_[A-Z]+)+"
                found |= {node.value} if re.fullmatch(is_name, node.value) else set()
    return found


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(rows(DOCS / "settings.md")) == settings_read()


@pytest.mark.parametrize(
    ("name", "default"),
    [
        *((f"HOTELCHAT_{name}".replace("ENVIRONMENT", "ENV"), Settings.model_fields[name.lower()].default)
          for name in ("ENVIRONMENT", "DATA_DIR")),
        *((name, Settings.model_fields[name.lower()].default)
          for name in ("HOST", "PORT", "DATABASE_POOL", "WORKER_CONCURRENCY", "LOG_LEVEL", "LOG_FORMAT")),
        ("OPENAI_MODEL", OpenAISettings.model_fields["model"].default),
        ("TWILIO_API_BASE_URL", WhatsAppSettings.model_fields["api_base_url"].default),
    ],
)  # fmt: skip
def test_the_default_is_the_one_documented(name: str, default: object) -> None:
    assert f"`{default}`" in rows(DOCS / "settings.md")[name].rsplit("|", 2)[-2]


def test_settings_of_later_versions_are_not_read() -> None:
    later = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text(DOCS / "settings.md").split(LATER)[1]))
    assert later and not later & settings_read()


def test_the_example_names_settings_that_exist() -> None:
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", text(ROOT / ".env.example"), re.MULTILINE))
    assert named <= settings_read()


@pytest.mark.parametrize("name", ["Dockerfile", "render.yaml"])
def test_deployments_set_settings_that_exist(name: str) -> None:
    pattern = r"\b(HOTELCHAT_\w+)=" if name == "Dockerfile" else r"- key: (\w+)"
    assert set(re.findall(pattern, text(ROOT / name))) <= settings_read()


# Commands


def commands(command: click.Command, path: str = "main.py") -> Iterator[tuple[str, click.Command]]:
    """Every command that is not hidden, with the words one types."""
    if command.hidden:
        return
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{path} {name}")


def sections() -> dict[str, str]:
    """The sections of docs/commands.md by the command in their heading."""
    parts = re.split(r"^## `([^`]+)`$", text(DOCS / "commands.md"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_command_is_documented_and_no_other() -> None:
    assert set(sections()) == {path for path, _ in commands(cli)}


@pytest.mark.parametrize(("path", "command"), commands(cli), ids=[path for path, _ in commands(cli)])
def test_every_option_is_documented_and_explains_itself(path: str, command: click.Command) -> None:
    assert command.help, f"{path} has no help"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[-1]}`" in sections()[path]
        else:
            assert (parameter.name or "").upper() in sections()[path]


def test_the_readme_names_the_two_commands() -> None:
    readme, makefile = text(ROOT / "README.md"), text(ROOT / "Makefile")
    for target in set(re.findall(r"`?make ([a-z]+)\b", readme)):
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), f"make {target} does not exist"
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", readme, re.MULTILINE))


# Events


def kinds() -> list[type[events.Event]]:
    """Every class of event that is sent: those that no other derives from."""
    known = [each for each in vars(events).values() if isinstance(each, type) and issubclass(each, events.Event)]
    return [each for each in known if not any(each is not other and issubclass(other, each) for other in known)]


def test_every_event_is_documented_and_travels() -> None:
    assert set(rows(DOCS / "events.md")) == {kind.__name__ for kind in kinds()} == set(events.KINDS)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_field_of_an_event_is_documented(kind: type[events.Event]) -> None:
    assert kind.__doc__
    row = rows(DOCS / "events.md")[kind.__name__]
    assert all(f"`{field.name}`" in row for field in fields(kind) if field.name != "hotel_id")


# Links, locks and addresses


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(paper: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text(paper))
    here = [a or b for a, b in targets if not re.match(r"https?:", a or b)]
    missing = [each for each in here if not (paper.parent / each.partition("#")[0]).exists()]
    assert not missing


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, wanted = set(), [ROOT / "README.md"]
    while wanted:
        page = wanted.pop().resolve()
        if page in seen:
            continue
        seen.add(page)
        wanted += [page.parent / link for link in re.findall(r"\]\(([^)\s#:]+\.md)\)", text(page))]
    assert seen >= {paper.resolve() for paper in PAPERS}


def test_decisions_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in (DOCS / "decisions").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def pins(name: str) -> dict[str, set[str]]:
    """The versions a lock file may install, by package."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for package, version in re.findall(r"^([a-z0-9][\w.-]*)==([^ \\]+)", text(ROOT / name), re.MULTILINE):
        found[package].add(version)
    return found


def test_tests_run_with_the_versions_that_are_served() -> None:
    served, tested = pins("requirements.lock"), pins("requirements-dev.lock")
    assert served
    assert {package: tested[package] for package in served} == served


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-dev.lock", "pyproject.toml", "Makefile", "Dockerfile"]
)
def test_no_registry_is_named(name: str) -> None:
    assert not re.search(r"--(extra-)?index-url|https?://[^ \"]*/(simple|packages)", text(ROOT / name))


def test_every_pin_has_its_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        unsafe = re.findall(r"^\S+==[^\n]*[^\\\n]\n", text(ROOT / name), re.MULTILINE)
        assert not unsafe

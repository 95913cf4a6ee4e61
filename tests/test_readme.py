"""What the documents tell people to type, to click and to configure is there, and works."""

import re
import shlex
from pathlib import Path

import pytest
from daphne.cli import CommandLineInterface
from django.core.management import get_commands, load_command_class

from roundtable.config import Configuration, load
from roundtable.server import SPARE_SECONDS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CHANGELOG.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
CODE = re.compile(
    r"^```\w*\n(?P<fenced>.*?)^```|^ {4}(?P<indented>[^\n]*)|`(?P<inline>[^`\n]+)`", re.DOTALL | re.MULTILINE
)
COMMAND_OF_MAKE = re.compile(r"(?:^|&& )make ([a-z-]+)", re.MULTILINE)
FENCED_YAML = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def code(document: str) -> str:
    """All that stands as code, but for the Go server's own commands in the table for those who come from it."""
    before, heading, after = text(document).partition("| the Go server | here |\n")
    ours = before + heading + re.sub(r"^\| [^|]* \|", "|", after, flags=re.MULTILINE)
    return "\n".join(match[match.lastgroup or 0] for match in CODE.finditer(ours))


def command(program: str) -> list[str]:
    """The arguments of the README's command that begins with this program of the environment."""
    unfolded = text("README.md").replace("\\\n", " ")
    [arguments] = re.findall(rf"^ {{4}}\.venv/bin/{program} (.*)$", unfolded, re.MULTILINE)
    return shlex.split(arguments)


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_target_of_make_exists() -> None:
    makefile = text("Makefile")
    targets = {target for document in DOCUMENTS for target in COMMAND_OF_MAKE.findall(code(document))}
    assert {"run", "dev", "test", "answer", "dial"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:.*## \w", makefile, re.MULTILINE), f"make {target} is not there, or not explained"


def test_every_command_of_manage_py_exists() -> None:
    commands = {name for document in DOCUMENTS for name in re.findall(r"\bmanage\.py ([a-z_]+)", code(document))}
    assert {"serve", "runserver", "migrate"} <= commands
    assert commands <= get_commands().keys()


def commands_of_ours() -> list[list[str]]:
    """The documents' examples of our own commands of manage.py."""
    names = {path.stem for path in (ROOT / "signalling/management/commands").glob("[a-z]*.py")}
    lines = "\n".join(map(text, DOCUMENTS))
    found = re.findall(r"^ {4}\.venv/bin/python manage\.py (.*)$", lines, re.MULTILINE)
    return [example for example in map(shlex.split, found) if example[0] in names]


@pytest.mark.parametrize("example", commands_of_ours(), ids=" ".join)
def test_every_example_of_a_command_is_understood(example: list[str]) -> None:
    name, *arguments = example
    command = load_command_class(get_commands()[name], name)
    command.create_parser("manage.py", name).parse_args(arguments)


def test_all_commands_have_examples() -> None:
    assert {"check", "disconnect", "drain", "probe", "sessions"} <= {name for name, *_ in commands_of_ours()}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_relative_link_leads_somewhere(document: str) -> None:
    for match in LINK.finditer(text(document)):
        path, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), match["target"]
        assert not anchor or anchor in anchors(target), match["target"]


def configurations() -> list[str]:
    return [example for document in DOCUMENTS for example in FENCED_YAML.findall(text(document))]


@pytest.mark.parametrize("example", configurations())
def test_every_example_of_a_configuration_loads_without_complaint(example: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(example, encoding="utf-8")
    loaded = load(file)
    assert (loaded.notices, loaded.warnings) == ((), ())
    assert loaded.configuration != Configuration()


def test_readme_has_examples_of_configurations() -> None:
    assert len(configurations()) >= 3


def test_bare_daphne_gets_the_fences_of_serve_from_its_flags() -> None:
    given = CommandLineInterface().parser.parse_args(command("daphne"))
    configuration = Configuration()
    limits = configuration.limits
    assert given.application == "roundtable.asgi:application"
    assert (given.host, given.port) == ("0.0.0.0", configuration.port)
    assert given.http_timeout == configuration.timeout + SPARE_SECONDS
    assert given.websocket_timeout == -1
    assert given.websocket_max_message_size == given.websocket_max_frame_size == limits.message_bytes
    assert given.ping_interval == limits.heartbeat_seconds
    assert given.ping_interval + given.ping_timeout == limits.silence_seconds
    assert (given.verbosity, given.access_log) == (0, None), "its access log has paths with their queries"
    assert given.proxy_headers is False, "trustedproxies says whom to believe"

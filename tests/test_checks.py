"""What `manage.py check` advises: each advice with a configuration that gets it, and one that does not."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage

from roundtable import openfiles
from roundtable.config import Configuration
from signalling.limits import Limits
from signalling.operators import checks, machinechecks
from signalling.operators.socketplace import MOST_BYTES
from tests.forking import completed
from tests.serverprocess import ROOT, surroundings

GOOD: dict[str, Any] = {
    "publicaddress": "https://signal.example.org",
    "trustedproxies": ["127.0.0.1/32"],
    "turn": {"urls": ["turn:turn.example.org"], "secret": "x" * 22},
    "allowedorigins": ["https://signal.example.org"],
}
TURN_WITH_PASSWORD = {"urls": "turn:turn.example.org", "username": "roundtable", "credential": "x"}
ADVICE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("roundtable.W001", {"publicaddress": None}, {"publicaddress": "http://10.0.0.7:1066"}),
    ("roundtable.W002", {"trustedproxies": []}, {"trustedproxies": [], "publicaddress": "http://a.example"}),
    ("roundtable.W003", {"turn": None}, {"turn": None, "iceservers": [TURN_WITH_PASSWORD]}),
    ("roundtable.I004", {"turn": None, "iceservers": ["stun:a.example"]}, {"iceservers": ["stun:a.example"]}),
    ("roundtable.W005", {"turn": {"urls": ["turn:a.example"], "secret": "x" * 21}}, {}),
    ("roundtable.W006", {"forwardallow": ["10.0.0.0/8"]}, {"forwardallow": ["8.8.8.0/24"]}),
    (
        "roundtable.W006",
        {"forwardallow": ["8.8.8.0/24", "::1/128"]},
        {"forwardallow": ["::1/128"], "publicaddress": "https://localhost:8443"},
    ),
    ("roundtable.W007", {"allowedhosts": ["a.example", "*"]}, {"allowedhosts": [".a.example"]}),
    ("roundtable.I008", {"allowedorigins": None}, {"allowedorigins": None, "callpage": False}),
    ("roundtable.I008", {"allowedorigins": None}, {"allowedorigins": None, "publicaddress": "https://[fd00::1]"}),
    ("roundtable.W009", {"limits": {"drain_seconds": 91}}, {"limits": {"drain_seconds": 90}}),
]

Check = Callable[[Path], Iterator[CheckMessage]]


def configuration(**changes: Any) -> Configuration:
    return Configuration.model_validate({**GOOD, **changes})


def ids(messages: Iterator[CheckMessage]) -> list[str | None]:
    found = list(messages)
    assert all(message.hint for message in found), "advice says what to do"
    return [message.id for message in found]


# The configuration


def test_a_good_configuration_needs_no_advice() -> None:
    assert ids(checks.advice(configuration())) == []


@pytest.mark.parametrize(("advice", "needs_it", "does_not"), ADVICE)
def test_advice_about_the_configuration(advice: str, needs_it: dict[str, Any], does_not: dict[str, Any]) -> None:
    assert ids(checks.advice(configuration(**needs_it))) == [advice]
    assert ids(checks.advice(configuration(**does_not))) == []


def test_advice_never_shows_a_secret() -> None:
    short = configuration(turn={"urls": ["turn:a.example"], "secret": "tell nobody"})
    assert "tell nobody" not in "".join(map(str, checks.advice(short)))


# The machine


def test_a_port_that_is_for_privileged_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, status = tmp_path / "first", tmp_path / "status"
    first.write_text("1024\n")
    status.write_text("Name:\tpython\nCapEff:\t0000000000000000\n")
    monkeypatch.setattr(machinechecks, "FIRST_FREE_PORT", first)
    monkeypatch.setattr(machinechecks, "OWN_STATUS", status)
    assert ids(machinechecks.about_port(1023)) == ["roundtable.E010"]
    assert ids(machinechecks.about_port(1024)) == []
    assert ids(machinechecks.about_port(0)) == []
    status.write_text("CapEff:\t0000000000000400\n")
    assert ids(machinechecks.about_port(443)) == []
    status.write_text("CapEff:\t0000000000000000\n")
    first.write_text("80\n")
    assert ids(machinechecks.about_port(443)) == []


def test_open_files_that_do_not_suffice() -> None:
    needed = openfiles.needed(Limits())
    assert ids(machinechecks.about_open_files(needed, needed - 1)) == ["roundtable.W011"]
    assert ids(machinechecks.about_open_files(needed, needed)) == []
    assert ids(machinechecks.about_open_files(needed, resource.RLIM_INFINITY)) == []


@pytest.mark.parametrize(("mode", "advice"), [(0o600, []), (0o640, ["roundtable.W015"]), (0o604, ["roundtable.W015"])])
def test_a_secret_key_that_others_can_read(mode: int, advice: list[str], tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    key.write_text("x" * 50 + "\n")
    key.chmod(mode)
    assert ids(machinechecks.about_secret_key(key, {})) == advice
    assert ids(machinechecks.about_secret_key(key, {"ROUNDTABLE_SECRET_KEY": "y" * 50})) == []


@pytest.mark.parametrize(("mode", "advice"), [(0o600, []), (0o640, ["roundtable.W021"]), (0o604, ["roundtable.W021"])])
def test_a_database_that_others_can_read(mode: int, advice: list[str], tmp_path: Path) -> None:
    database = tmp_path / "roundtable.sqlite3"
    assert ids(machinechecks.about_secrecy_of_database(database)) == []
    database.touch()
    database.chmod(mode)
    assert ids(machinechecks.about_secrecy_of_database(database)) == advice


def test_a_secret_key_that_is_short(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    assert ids(machinechecks.about_secret_key(key, {})) == []
    assert ids(machinechecks.about_secret_key(key, {"ROUNDTABLE_SECRET_KEY": "y" * 49})) == ["roundtable.W019"]
    key.write_text("x" * 49 + "\n")
    key.chmod(0o600)
    assert ids(machinechecks.about_secret_key(key, {})) == ["roundtable.W019"]


def test_static_files_that_are_missing() -> None:
    assert ids(machinechecks.about_static_files()) == []
    assert ids(machinechecks.about_static_files(("signalling/none.js",))) == ["roundtable.E016"]


@pytest.fixture
def no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user who may write nothing; the tests may be run by root, who may write anything."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)


def test_a_log_that_can_be_opened_is_not_opened(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    assert ids(machinechecks.about_log(log)) == []
    assert not log.exists()
    log.write_text("of a running server\n")
    assert ids(machinechecks.about_log(log)) == []
    assert log.read_text() == "of a running server\n"


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    assert ids(machinechecks.about_log(tmp_path)) == ["roundtable.E017"]
    assert ids(machinechecks.about_log(tmp_path / "none" / "server.log")) == ["roundtable.E017"]


@pytest.mark.usefixtures("no_rights")
@pytest.mark.parametrize(
    ("check", "advice"),
    [
        (machinechecks.about_log, "roundtable.E017"),
        (machinechecks.about_database, "roundtable.W012"),
        (machinechecks.about_control_socket, "roundtable.W020"),
    ],
)
def test_a_file_that_this_user_may_not_write(check: Check, advice: str, tmp_path: Path) -> None:
    assert ids(check(tmp_path / "file")) == [advice]


def test_a_control_socket_whose_path_is_too_long(tmp_path: Path) -> None:
    room = MOST_BYTES - len(str(tmp_path)) - 1
    assert ids(machinechecks.about_control_socket(tmp_path / ("x" * room))) == []
    assert ids(machinechecks.about_control_socket(tmp_path / ("x" * (room + 1)))) == ["roundtable.W020"]


@pytest.mark.parametrize(("is_native", "advice"), [(True, []), (False, ["roundtable.W018"])])
def test_autobahn_without_its_native_code(is_native: bool, advice: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autobahn.websocket.USES_NVX", is_native)
    assert ids(machinechecks.about_acceleration()) == advice


@pytest.mark.parametrize(
    ("publicaddress", "advice"),
    [("https://a.example", []), ("http://a.example", ["roundtable.W022"]), (None, ["roundtable.W022"])],
)
def test_operators_who_log_in_without_tls(publicaddress: str | None, advice: list[str]) -> None:
    assert ids(machinechecks.about_tls(configuration(publicaddress=publicaddress))) == advice


# The command


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command with a configuration that needs no advice, in a directory of its own."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "publicaddress: https://a.example\ntrustedproxies: [127.0.0.1/32]\n"
        "logfile: server.log\nallowedorigins: [https://a.example]\n"
        f"limits: {{connections: 100, http_connections: 100}}\nturn: {{urls: turn:a.example, secret: {'x' * 22}}}\n"
    )

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "manage.py"), *arguments, "--configFilePath", str(config)]
        return completed(command, surroundings() | environment, tmp_path)

    return run


def test_check_is_quiet_when_all_is_well(manage: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ended = manage("check")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "System check identified no issues (0 silenced).\n"


def test_check_of_the_machine_changes_nothing(
    manage: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "server.log").write_text("of a running server\n")
    ended = manage("check", "--deploy", "--tag", "roundtable")
    assert ended.returncode == 0, ended.stderr
    assert "database: (roundtable.W013)" in ended.stderr
    assert ended.stderr.count("(roundtable.") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "server.log"]
    assert (tmp_path / "server.log").read_text() == "of a running server\n"


def test_check_says_when_there_is_no_account_yet(manage: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert manage("migrate", "--verbosity", "0").returncode == 0
    assert "database: (roundtable.W014)" in manage("check", "--deploy").stderr
    made = manage("createsuperuser", "--noinput", "--username=ada", "--email=", DJANGO_SUPERUSER_PASSWORD="x y z 1 2")
    assert made.returncode == 0, made.stderr
    ended = manage("check", "--deploy", "--tag", "roundtable")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_check_of_the_machine_is_quiet_about_cookies_in_words_of_django(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("publicaddress: http://a.example\n")
    program = [sys.executable, str(ROOT / "manage.py"), "check", "--deploy"]
    said = subprocess.run(program, cwd=tmp_path, env=surroundings(), capture_output=True, text=True, check=True).stderr
    assert "(roundtable.W022)" in said and "security." not in said


def test_django_says_that_debug_is_on(manage: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert "(security.W018)" in manage("check", "--deploy", ROUNDTABLE_DEBUG="1").stderr


def test_other_commands_give_no_advice(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("loglevel: info\n")
    program = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    ended = subprocess.run(program, cwd=tmp_path, env=surroundings(), capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")

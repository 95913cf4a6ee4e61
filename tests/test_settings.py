import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roundtable import hosts
from roundtable.config import Configuration
from roundtable.hosts import LOOPBACK, allowed_hosts
from tests.test_commandline import run

Settings = Callable[..., dict[str, Any]]

SHOW = """
import json, sys, django
django.setup()
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""
SIGN = """
import django
django.setup()
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.http import HttpRequest
from django.middleware.csrf import get_token
user = User(pk=1, username="ada", password="!")
assert signing.loads(signing.dumps({"a": 1})) == {"a": 1}
assert signing.get_cookie_signer().unsign(signing.get_cookie_signer().sign("a")) == "a"
assert default_token_generator.check_token(user, default_token_generator.make_token(user))
assert len(user.get_session_auth_hash()) == 64
assert get_token(HttpRequest())
"""


@pytest.fixture
def settings_of(tmp_path: Path) -> Settings:
    """What these settings are in a process with this configuration."""

    def settings_of(configuration: str, *names: str, **environment: str) -> dict[str, Any]:
        file = tmp_path / "config.yaml"
        file.write_text(configuration)
        environment |= {"ROUNDTABLE_CONFIG": str(file), "DJANGO_SETTINGS_MODULE": "roundtable.settings"}
        shown = run("-W", "error", "-c", SHOW, *names, environment=environment)
        assert (shown.returncode, shown.stderr) == (0, "")
        found: dict[str, Any] = json.loads(shown.stdout)
        return found

    return settings_of


# Hosts


def test_hosts_that_are_configured_are_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert allowed_hosts(Configuration(allowedhosts=["a.example", ".b.example"])) == ["a.example", ".b.example"]


def test_hosts_by_default_are_the_public_one_loopback_and_those_listened_on() -> None:
    configuration = Configuration(publicaddress="https://signal.example.org:8443", localaddress="192.0.2.7:80")
    assert allowed_hosts(configuration) == ["signal.example.org", *LOOPBACK, "192.0.2.7"]


def test_ipv6_hosts_are_in_brackets() -> None:
    configuration = Configuration(publicaddress="http://[2001:db8::1]", localaddress="2001:db8::2")
    assert allowed_hosts(configuration) == ["[2001:db8::1]", *LOOPBACK, "[2001:db8::2]"]


@pytest.mark.parametrize("localaddress", ["", "0.0.0.0", "[::]:1066"])
def test_all_interfaces_are_the_addresses_of_this_machine(localaddress: str) -> None:
    listened = hosts.listened_on(Configuration(localaddress=localaddress).host)
    assert "127.0.0.1" in listened
    for host in listened:
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        assert socket.inet_pton(family, host.strip("[]"))


def test_ipv6_addresses_of_interfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "if_inet6"
    table.write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n20010db8000000000000000000000007 02 40 00 80     eth0\n"
    )
    monkeypatch.setattr(hosts, "_IF_INET6", table)
    assert [host for host in hosts.listened_on("") if host.startswith("[")] == ["[::1]", "[2001:db8::7]"]


def test_machine_without_ipv6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "_IF_INET6", tmp_path / "none")
    assert "127.0.0.1" in hosts.listened_on("")


# Settings


def test_debug_is_off(settings_of: Settings) -> None:
    assert settings_of("", "DEBUG") == {"DEBUG": False}


def test_debug_by_the_environment(settings_of: Settings) -> None:
    assert settings_of("", "DEBUG", ROUNDTABLE_DEBUG="1") == {"DEBUG": True}


@pytest.mark.parametrize(
    ("configuration", "secure", "origins"),
    [
        ("publicaddress: https://signal.example.org", True, ["https://signal.example.org"]),
        ("publicaddress: http://signal.example.org:1066", False, ["http://signal.example.org:1066"]),
        ("", False, []),
    ],
)
def test_cookies_are_secure_behind_tls(
    configuration: str, secure: bool, origins: list[str], settings_of: Settings
) -> None:
    assert settings_of(configuration, "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "CSRF_TRUSTED_ORIGINS") == {
        "SESSION_COOKIE_SECURE": secure,
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_TRUSTED_ORIGINS": origins,
    }


def test_reading_the_settings_makes_no_secret_key(settings_of: Settings, tmp_path: Path) -> None:
    settings_of("", "STATIC_URL")
    assert not (tmp_path / "secret.key").exists()


def test_secret_key_made_when_needed_serves_everything_that_signs(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("")
    environment = {"ROUNDTABLE_CONFIG": str(file), "DJANGO_SETTINGS_MODULE": "roundtable.settings"}
    signed = run("-W", "error", "-c", SIGN, environment=environment)
    assert (signed.returncode, signed.stderr) == (0, "")
    assert (tmp_path / "secret.key").exists()


@pytest.mark.parametrize(
    ("configuration", "complaints"),
    [("publicaddress: https://signal.example.org", []), ("", ["roundtable.W022"])],
    ids=["behind TLS", "without"],
)
def test_check_for_deployment(configuration: str, complaints: list[str], tmp_path: Path) -> None:
    """Django has no complaint of its own; that operators log in without TLS is said in our words."""
    file = tmp_path / "config.yaml"
    file.write_text(configuration)
    checked = run("manage.py", "check", "--deploy", "--fail-level", "ERROR", "--configFilePath", str(file))
    assert checked.returncode == 0
    said = re.findall(r"^([^:]+): \((\S+)\)", checked.stderr, re.MULTILINE)
    assert [name for where, name in said if where == "?" or name == "roundtable.W022"] == complaints

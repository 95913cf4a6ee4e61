import os
import subprocess
import sys
from pathlib import Path

import pytest

from roundtable import commandline
from roundtable.commandline import MissingPath, is_debug_wanted, prepare_environment, take_config_path

ROOT = Path(__file__).resolve().parent.parent
TWO_MISTAKES = "localport: 70000\ntimeout: never\n"
HARMLESS = ("check", "--tag", "models")
"""A command that has nothing to say of its own."""


def run(*command: str, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A Python program of its own, with nothing of ours in its environment."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ROUNDTABLE_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.yaml"
    file.write_text(TWO_MISTAKES)
    return file


def lines_about(file: Path) -> list[str]:
    return [
        f"{file}: localport: 70000 is not allowed; allowed: a port from 0 to 65535; 0: any free one",
        f"{file}: timeout: never is not allowed; allowed: seconds: a number over 0, at most 3600",
    ]


# The option


@pytest.mark.parametrize(
    ("arguments", "rest", "path"),
    [
        (["serve"], ["serve"], None),
        (["serve", "--configFilePath", "x.yaml"], ["serve"], "x.yaml"),
        (["serve", "--configFilePath=x.yaml"], ["serve"], "x.yaml"),
        (["serve", "-configFilePath", "x.yaml"], ["serve"], "x.yaml"),
        (["serve", "-configFilePath=x.yaml"], ["serve"], "x.yaml"),
        (["--configFilePath=x.yaml", "migrate", "--plan"], ["migrate", "--plan"], "x.yaml"),
        (["check", "--configFilePath=a=b.yaml"], ["check"], "a=b.yaml"),
        (["check", "--configFilePath", "--deploy"], ["check"], "--deploy"),
        (["check", "--configFilePath=x", "--configFilePath", "y"], ["check"], "y"),
        (["shell", "--", "--configFilePath=x"], ["shell", "--", "--configFilePath=x"], None),
        (["check", "--configfilepath=x"], ["check", "--configfilepath=x"], None),
    ],
)
def test_config_file_path_is_taken_from_the_command_line(
    arguments: list[str], rest: list[str], path: str | None
) -> None:
    taken = take_config_path(["manage.py", *arguments])
    assert taken == (["manage.py", *rest], None if path is None else Path(path))


@pytest.mark.parametrize("arguments", [["--configFilePath"], ["-configFilePath="], ["--configFilePath", ""]])
def test_config_file_path_needs_a_path(arguments: list[str]) -> None:
    with pytest.raises(
        MissingPath, match=r"a path is missing; allowed: --?configFilePath PATH or --?configFilePath=PATH"
    ):
        take_config_path(["manage.py", "serve", *arguments])


def test_path_is_handed_on_absolute() -> None:
    environ: dict[str, str] = {"ROUNDTABLE_CONFIG": "/etc/other.yaml"}
    prepare_environment(environ, "migrate", Path("x.yaml"))
    assert environ == {
        "DJANGO_SETTINGS_MODULE": "roundtable.settings",
        "ROUNDTABLE_CONFIG": str(Path.cwd() / "x.yaml"),
    }


def test_advice_to_run_a_command_is_about_the_same_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.setattr(commandline, "MANAGE", tmp_path / "manage.py")
    monkeypatch.delenv("ROUNDTABLE_CONFIG", raising=False)
    assert commandline.command_line("migrate") == ".venv/bin/python manage.py migrate"
    monkeypatch.setenv("ROUNDTABLE_CONFIG", "/etc/round table.yaml")
    assert commandline.command_line("migrate").endswith(" migrate --configFilePath '/etc/round table.yaml'")


def test_without_the_option_the_environment_decides() -> None:
    environ = {"ROUNDTABLE_CONFIG": "/etc/other.yaml"}
    prepare_environment(environ, "serve", None)
    assert environ["ROUNDTABLE_CONFIG"] == "/etc/other.yaml"


# DEBUG


@pytest.mark.parametrize(
    ("command", "given", "debug"),
    [("runserver", None, "1"), ("runserver", "0", "0"), ("serve", None, None), ("serve", "1", "1")],
)
def test_debug_is_on_under_runserver_or_when_the_environment_says(
    command: str, given: str | None, debug: str | None
) -> None:
    environ = {} if given is None else {"ROUNDTABLE_DEBUG": given}
    prepare_environment(environ, command, None)
    assert environ.get("ROUNDTABLE_DEBUG") == debug


@pytest.mark.parametrize(("text", "wanted"), [("1", True), ("0", False), ("", False)])
def test_debug_variable(text: str, wanted: bool) -> None:
    assert is_debug_wanted(text) is wanted


def test_debug_variable_is_0_or_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        is_debug_wanted("perhaps")
    assert exit_.value.code == 2
    assert capsys.readouterr().err == "ROUNDTABLE_DEBUG: perhaps is not allowed; allowed: 0 or 1\n"


# The order of things


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `main` did, without doing it; the environment and sys.argv are put back afterwards."""
    steps: list[str] = []
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(sys, "argv", ["manage.py"])
    monkeypatch.setattr(
        "django.core.management.execute_from_command_line", lambda arguments: steps.append(" ".join(arguments))
    )
    return steps


def test_django_sees_the_command_line_without_our_option(order: list[str]) -> None:
    commandline.main(["manage.py", "-configFilePath", "x.yaml", "serve", "--server", "uvicorn"])
    assert order == ["manage.py serve --server uvicorn"]


def test_reloaded_child_of_runserver_finds_the_file_in_its_environment(order: list[str]) -> None:
    commandline.main(["manage.py", "runserver", "--configFilePath=x.yaml", "1067"])
    assert order == ["manage.py runserver 1067"]
    assert sys.argv == ["manage.py", "runserver", "1067"]
    assert os.environ["ROUNDTABLE_CONFIG"] == str(Path.cwd() / "x.yaml")


# Whole programs


@pytest.mark.parametrize("command", ["check", "migrate", "serve", "runserver"])
def test_r20_mistakes_end_every_command_with_status_2_and_one_line_each(command: str, broken: Path) -> None:
    ended = run("manage.py", command, "--configFilePath", str(broken))
    assert (ended.returncode, ended.stderr.splitlines(), ended.stdout) == (2, lines_about(broken), "")


@pytest.mark.parametrize(
    "server",
    [["daphne", "-p", "0", "roundtable.asgi:application"], ["uvicorn", "--port", "0", "roundtable.asgi:application"]],
    ids=["daphne", "uvicorn"],
)
def test_r20_mistakes_end_other_servers_alike(server: list[str], broken: Path) -> None:
    ended = run("-m", *server, environment={"ROUNDTABLE_CONFIG": str(broken)})
    assert (ended.returncode, ended.stderr.splitlines(), ended.stdout) == (2, lines_about(broken), "")


def test_missing_named_file_is_a_mistake(tmp_path: Path) -> None:
    ended = run("manage.py", "check", "--configFilePath", str(tmp_path / "none.yaml"))
    assert ended.returncode == 2
    assert ended.stderr == f"{tmp_path}/none.yaml: no such file; allowed: the path of a configuration file\n"


def test_missing_path_is_a_mistake() -> None:
    ended = run("manage.py", "check", "--configFilePath")
    assert ended.returncode == 2
    assert (
        ended.stderr == "--configFilePath: a path is missing; allowed: --configFilePath PATH or --configFilePath=PATH\n"
    )


def test_missing_default_file_is_a_notice_and_said_once(tmp_path: Path) -> None:
    ended = run(str(ROOT / "manage.py"), *HARMLESS, cwd=tmp_path)
    assert ended.returncode == 0
    (notice,) = ended.stderr.splitlines()
    assert notice.endswith(f'msg="{tmp_path}/config.yaml does not exist: every key has its default"')


def test_unknown_key_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("locl_port: 5\n")
    ended = run("manage.py", *HARMLESS, f"-configFilePath={file}")
    assert ended.returncode == 0
    (warning,) = ended.stderr.splitlines()
    assert "level=warn" in warning
    assert warning.endswith(f'msg="{file}: locl_port: unknown key, ignored; did you mean localport?"')


def test_level_none_silences_even_that(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("locl_port: 5\nloglevel: none\n")
    ended = run("manage.py", *HARMLESS, f"-configFilePath={file}")
    assert (ended.returncode, ended.stderr) == (0, "")

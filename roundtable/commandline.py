"""What manage.py settles before Django is imported: which configuration file, and whether to debug.

Django reads its settings before a command parses its options; so these are taken from the command line here and handed
on by the environment, which runserver's reloaded child reads too.
"""

import os
import shlex
import sys
from collections.abc import MutableMapping
from pathlib import Path

from roundtable.config import VARIABLE, exit_with
from roundtable.mistakes import shown

SETTINGS = "roundtable.settings"
MANAGE = Path(__file__).parent.parent / "manage.py"
DEBUG_VARIABLE = "ROUNDTABLE_DEBUG"
_OPTION = "configFilePath"
_SPELLINGS = (f"--{_OPTION}", f"-{_OPTION}")
"""Go's flag package takes one dash or two, and the value after `=` or as the next argument."""


class MissingPath(ValueError):
    """`--configFilePath` without a path."""


def main(argv: list[str]) -> None:
    """Runs the command of `argv`, manage.py's own arguments."""
    try:
        arguments, path = take_config_path(argv)
    except MissingPath as error:
        exit_with([str(error)])
    sys.argv[:] = arguments  # for runserver, which starts itself again with them
    command = arguments[1] if len(arguments) > 1 else ""
    prepare_environment(os.environ, command, path)

    from django.core.management import execute_from_command_line

    execute_from_command_line(arguments)


def take_config_path(argv: list[str]) -> tuple[list[str], Path | None]:
    """`argv` without `--configFilePath`, and its path; the last of several counts, as in Go. Raises MissingPath."""
    rest: list[str] = []
    path: str | None = None
    arguments = iter(argv)
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *arguments]
        elif option not in _SPELLINGS:
            rest.append(argument)
        else:
            path = value if equals else next(arguments, "")
            if not path:
                raise MissingPath(f"{option}: a path is missing; allowed: {option} PATH or {option}=PATH")
    return rest, None if path is None else Path(path)


def prepare_environment(environ: MutableMapping[str, str], command: str, path: Path | None) -> None:
    """Hands on what the command line said; DEBUG is on under `runserver` unless the environment says otherwise."""
    environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    if path is not None:
        environ[VARIABLE] = str(path.absolute())
    if command == "runserver":
        environ.setdefault(DEBUG_VARIABLE, "1")


def command_line(command: str) -> str:
    """What is to be typed, in this directory, for that command to concern the configuration of this process."""
    words = [_from_here(sys.executable), _from_here(str(MANAGE)), command]
    if path := os.environ.get(VARIABLE):
        words += [f"--{_OPTION}", _from_here(path)]
    return shlex.join(words)


def _from_here(path: str) -> str:
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def is_debug_wanted(text: str) -> bool:
    """What ROUNDTABLE_DEBUG says; anything but 1 and 0 (or nothing) ends the process with status 2."""
    if text not in ("", "0", "1"):
        exit_with([f"{DEBUG_VARIABLE}: {shown(text)} is not allowed; allowed: 0 or 1"])
    return text == "1"

"""The server as ever, whose desk can be told by anybody to drain: `python -m tests.programs.leaver PROGRAM ARGUMENTS`.

Who may do so, and by which page or command, is not what is tried with it. `/leave` asks the desk, and `/progress` tells
how far that has got, under whichever program serves the application.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.serverprocess import Command, Program

MODULE = "tests.programs.leaver"


def leaver(program: Program, *, reloads: bool = False) -> Command:
    """The README's command, through this module; `reloads`: with a process that watches the code above it."""
    from tests.programs.commands import in_the_readme  # the server itself must not import Twisted this way

    def arguments(config: Path, port: int) -> Sequence[str]:
        command = in_the_readme(program)(config, port)
        if program == "daphne":
            own = [program, *command[1:]]
        else:
            own = [argument for argument in command[2:] if not (reloads and argument == "--noreload")]
        return [sys.executable, "-m", MODULE, *own]

    return arguments


def install() -> None:
    """Gives the router of this process two paths more."""
    from signalling.routing import Router

    init = Router.__init__

    @wraps(init)
    def with_desk(self: Router, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        desk = self.runtime.desk

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/leave":
                desk.drain()
            body = json.dumps(asdict(desk.progress())).encode()
            length = (b"content-length", str(len(body)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            await send({"type": "http.response.body", "body": body})

        self._http |= {"/leave": answer, "/progress": answer}

    Router.__init__ = with_desk  # type: ignore[method-assign]


def main() -> None:
    """Runs the program that the arguments name."""
    install()
    if sys.argv[1] == "daphne":
        from daphne.cli import CommandLineInterface

        CommandLineInterface().run(sys.argv[2:])
    else:
        from roundtable.commandline import main as manage

        manage(sys.argv)


if __name__ == "__main__":
    main()

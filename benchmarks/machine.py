"""On what was measured: the machine, and the versions of all that has a part in it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.serverprocess import ROOT

PACKAGES = (
    "daphne autobahn Twisted channels Django uvicorn websockets httptools msgspec uvloop picows".split()  # noqa: SIM905
)
NODE_PACKAGES = ("peer", "ws")


def remarks() -> list[str]:
    """A line for the machine, and one for the versions."""
    today = datetime.now(UTC).date().isoformat()
    system = f"Linux {platform.release()}"
    python = f"{platform.python_implementation()} {platform.python_version()} {_builder()}"
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
    versions = [f"{name} {version(name)}" for name in PACKAGES] + [f"{name} {_of_node(name)}" for name in NODE_PACKAGES]
    return [
        f"{today}, {os.cpu_count()} CPUs ({_processor()}), {system}",
        f"{python}, Node.js {node.removeprefix('v')}, {', '.join(versions)}",
    ]


def _builder() -> str:
    """Who has built Python: distributions optimise it by profiles, which tells in all figures."""
    return "(the distribution's)" if sys.base_prefix == "/usr" else "(not the distribution's)"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _of_node(name: str) -> str:
    return str(json.loads((ROOT / "node_modules" / name / "package.json").read_text())["version"])

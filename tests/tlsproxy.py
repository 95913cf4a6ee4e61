"""nginx before a server, ending TLS, with the configuration of docs/deployment.md."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.answerers import make_certificate
from tests.documents import fenced_blocks, read_markdown
from tests.serverprocess import HOST

EXECUTABLE = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
READY_WITHIN_SECONDS = 10.0
_AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{documented}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """Where it listens, and what trusts its certificate."""

    port: int
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"wss://{HOST}:{self.port}/signal"


@contextmanager
def tls_proxy(folder: Path, port: int, server_port: int) -> Iterator[Proxy]:
    """nginx at this port of loopback, before the server at that one."""
    assert EXECUTABLE, "these tests need nginx (on Debian and Ubuntu: apt-get install nginx)"
    certificate = make_certificate(HOST, folder / "certificate.pem")
    file = folder / "nginx.conf"
    file.write_text(_AROUND.format(folder=folder, documented=documented(certificate, port, server_port)))
    trust = ssl.create_default_context(cafile=certificate)
    trust.check_hostname = False  # an address is no name
    command = [EXECUTABLE, "-p", str(folder), "-e", str(folder / "nginx.log"), "-c", str(file)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _await_ready(process, port, folder / "nginx.log")
        yield Proxy(port, trust)
    finally:
        process.terminate()
        process.wait(READY_WITHIN_SECONDS)


def documented(certificate: Path, port: int, server_port: int) -> str:
    """The document's configuration with the ports and the certificate of a test, and nothing else changed."""
    (block,) = [block for block in fenced_blocks(read_markdown("deployment.md")) if block.info == "nginx"]
    text = block.body
    for pattern, here in (
        (r"listen 443 ssl;", f"listen {HOST}:{port} ssl;"),
        (r"(?<=ssl_certificate) +\S+;", f" {certificate};"),
        (r"(?<=ssl_certificate_key) +\S+;", f" {certificate};"),
        (r"(?<=proxy_pass http://127\.0\.0\.1:)1066;", f"{server_port};"),
    ):
        text, times = re.subn(pattern, here, text)
        assert times == 1, f"the documented configuration has {pattern} {times} times"
    return text


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        with socket.socket() as caller:
            if caller.connect_ex((HOST, port)) == 0:
                return
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)

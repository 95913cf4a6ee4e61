"""The key that signs the operators' sessions: made when it is first needed, and the same for all processes.

It is not Django's business alone to have one: it must survive restarts, stay out of the repository, and two processes
that start at once must agree on it.
"""

import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from roundtable.logs import logger

VARIABLE = "ROUNDTABLE_SECRET_KEY"
MIN_CHARACTERS = 50
"""Below, Django's own check `security.W009` complains."""
_log = logger(__name__)


def secret_key(path: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The key of the environment, else that in `path`, which is made if need be, else a random one and a warning."""
    if key := environ.get(VARIABLE, "").strip():
        _warn_if_short(key, VARIABLE)
        return key
    try:
        return _read(path) or _make(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        _log.warning("no lasting secret key: operators are logged out by a restart", secretkeyfile=path, reason=reason)
        return random_key()


def random_key() -> str:
    """A key that no other process has."""
    return secrets.token_urlsafe(MIN_CHARACTERS)


def _read(path: Path) -> str | None:
    """The key in this file; None if there is no such file. Raises OSError, and ValueError for one without a key."""
    try:
        with path.open(encoding="ascii") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            key = stream.read().strip()
    except FileNotFoundError:
        return None
    if not key:
        raise ValueError("the file is empty")
    if mode & 0o077:
        _log.warning("others can read the secret key: chmod 600 is right", secretkeyfile=path, mode=f"{mode:o}")
    _warn_if_short(key, path)
    return key


def _make(path: Path) -> str:
    """Writes a new key completely, then gives it its name; whoever comes second takes the first one's. Raises OSError.

    mkstemp opens with O_EXCL and mode 0600, and link(2) replaces nothing: so nobody reads half a key.
    """
    file, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(random_key() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
    key = _read(path)
    if key is None:
        raise FileNotFoundError(2, "vanished as soon as it was written")
    return key


def _warn_if_short(key: str, where: object) -> None:
    if len(key) < MIN_CHARACTERS:
        _log.warning("the secret key is short", where=where, characters=len(key), least=MIN_CHARACTERS)

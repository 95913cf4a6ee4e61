"""The configuration: what each key means, what it may be, and how `config.yaml` becomes one checked, immutable object.

The keys `loglevel`, `logfile`, `localport` and `timeout` are those of the Go server, with its defaults and meaning.
Nothing here knows Django; settings.py hands the object on as `settings.ROUNDTABLE`.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from roundtable import values
from roundtable.mistakes import Allowed, NotAllowed, allowed, nearest, shown, shown_path
from roundtable.values import IceServer
from roundtable.yamlfile import MAX_BYTES, BadYAML, Value, read_mapping
from signalling.addresses import Authority, IPNetwork, parse_target
from signalling.limits import Limits
from signalling.turn import Turn

DEFAULT_FILE = "config.yaml"
VARIABLE = "ROUNDTABLE_CONFIG"
"""The environment variable that names the file to every process: set by `--configFilePath`, read by settings.py."""

_OTHER_FILES = ("database", "secretkeyfile", "controlsocket")

LogLevel = Literal["none", "error", "warn", "info", "debug"]
FilePath = Annotated[Path, BeforeValidator(values.file_path)]


def _consistent(limits: Limits) -> Limits:
    if limits.heartbeat_seconds >= limits.silence_seconds:
        raise NotAllowed(
            f"less than limits.silence_seconds, {limits.silence_seconds:g}: a connection needs time for its pong",
            key="limits.heartbeat_seconds",
            value=f"{limits.heartbeat_seconds:g}",
        )
    if limits.unsent_bytes < 2 * limits.message_bytes:
        raise NotAllowed(
            f"at least twice limits.message_bytes, {2 * limits.message_bytes}: one message must not cut a client off",
            key="limits.unsent_bytes",
            value=limits.unsent_bytes,
        )
    if limits.unsent_bytes < limits.buffer_bytes:
        raise NotAllowed(
            f"at least limits.buffer_bytes, {limits.buffer_bytes}: all of it is sent at once when a session is resumed",
            key="limits.unsent_bytes",
            value=limits.unsent_bytes,
        )
    if limits.buffer_bytes < 2 * limits.message_bytes:
        raise NotAllowed(
            f"at least twice limits.message_bytes, {2 * limits.message_bytes}: a quarter of it is for strangers",
            key="limits.buffer_bytes",
            value=limits.buffer_bytes,
        )
    return limits


class Configuration(BaseModel):
    """All of `config.yaml`, checked. Attributes are the keys in lower case; relative paths are resolved by `load`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    loglevel: Annotated[LogLevel, BeforeValidator(values.lower), Allowed("none, error, warn, info or debug")] = Field(
        "info",
        description="`none`, `error`, `warn`, `info` or `debug`: what is less severe is not logged. "
        "`none` silences everything.",
    )
    logfile: Annotated[FilePath | None, BeforeValidator(values.none_if_empty), Allowed("a file's path")] = Field(
        None,
        description="File for the log, in JSON lines; truncated at start. Unset: text lines to standard output.",
    )
    localport: Annotated[int, Field(ge=0, le=65_535), Allowed("a port from 0 to 65535; 0: any free one")] = Field(
        1066, description="The port to listen on."
    )
    timeout: Annotated[
        float, Field(gt=0, le=3600, allow_inf_nan=False), Allowed("seconds: a number over 0, at most 3600")
    ] = Field(30, description="Seconds that an offer may wait for its answer.")
    localaddress: Annotated[
        str,
        AfterValidator(values.local_address),
        Allowed("host or host:port"),
    ] = Field(
        "", description="The `host` or `host:port` to listen on; its port overrides `localport`. Unset: all interfaces."
    )
    publicaddress: Annotated[
        str | None,
        BeforeValidator(values.none_if_empty),
        AfterValidator(values.public_address),
        Allowed("http://host[:port] or https://host[:port], without a path"),
    ] = Field(
        None,
        description="The address that clients are given, scheme and external port included. "
        "Unset: guessed from the Host header of each.",
    )
    allowedhosts: Annotated[
        tuple[Annotated[str, AfterValidator(values.allowed_host)], ...] | None,
        Allowed("a list of host names without port; .example.org is it with its subdomains, * is any"),
    ] = Field(
        None,
        description="Hosts for which pages are served. Unset: the host of `publicaddress`, loopback names and the "
        "addresses listened on.",
    )
    forward: Annotated[Literal["public", "off"], BeforeValidator(values.lower), Allowed("public or off")] = Field(
        "public", description="Where offers are posted: `public`, to public addresses only; `off`, nowhere."
    )
    forwardallow: Annotated[
        tuple[Annotated[IPNetwork, PlainValidator(values.network)], ...],
        Allowed("a list of networks such as 127.0.0.0/8 or ::1/128"),
    ] = Field((), description="Networks to which offers are posted besides, private ones too.")
    forwardfrom: Annotated[
        str | None,
        BeforeValidator(values.none_if_empty),
        AfterValidator(values.ip_address),
        Allowed("an IP address of this machine"),
    ] = Field(None, description="The source address of posted offers. Unset: the system chooses.")
    trustedproxies: Annotated[
        tuple[Annotated[IPNetwork, PlainValidator(values.network)], ...],
        Allowed("a list of networks such as 127.0.0.1/32 or 2001:db8::/32"),
    ] = Field((), description="Networks of the proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.")
    metricsallow: Annotated[
        tuple[Annotated[IPNetwork, PlainValidator(values.network)], ...],
        Allowed("a list of networks such as 127.0.0.0/8 or ::1/128"),
    ] = Field(
        values.NEAR,
        description="Networks whose clients may read `/metrics`; an empty list: nobody. "
        "Unset: loopback and private ones.",
    )
    allowedorigins: Annotated[
        tuple[Annotated[str, AfterValidator(values.origin)], ...] | None,
        Allowed("a list of origins such as https://example.org; leave it unset for any"),
    ] = Field(None, description="Web origins that may connect. Unset: any. Clients that send no Origin always may.")
    iceservers: Annotated[
        list[Annotated[IceServer, PlainValidator(values.ice_server)]],
        Allowed("a list of RTCIceServer: urls, and for turn: username and credential"),
    ] = Field([], repr=False, description="STUN and TURN servers for clients, each a W3C `RTCIceServer` or a bare URL.")
    turn: Annotated[
        Turn | None,
        BeforeValidator(values.turn),
        Allowed("a mapping of urls, secret and ttl"),
    ] = Field(
        None,
        repr=False,
        description="A coturn with `use-auth-secret`: `urls`, its `secret`, and `ttl`, the seconds (60 to 3600) for "
        "which each client's own credentials are good.",
    )
    callpage: Annotated[bool, Allowed("true or false")] = Field(
        True, description="Whether `/call/`, the voice call in the browser, is served."
    )
    database: Annotated[FilePath, Allowed("a file's path")] = Field(
        Path("roundtable.sqlite3"), description="SQLite file of the operators' accounts; signalling never uses it."
    )
    secretkeyfile: Annotated[FilePath, Allowed("a file's path")] = Field(
        default_factory=lambda valid: valid["database"].with_name("secret.key"),
        description="File of the key that signs operators' sessions; made when first needed. "
        "Unset: `secret.key` beside `database`.",
    )
    controlsocket: Annotated[
        FilePath | None, BeforeValidator(values.none_if_empty), Allowed("a file's path, or '' for none")
    ] = Field(
        default_factory=lambda valid: valid["database"].with_name("roundtable.sock"),
        description="Unix socket by which `manage.py sessions` and the like talk to the running server; `''` turns it "
        "off. Unset: `roundtable.sock` beside `database`.",
    )
    limits: Annotated[Limits, AfterValidator(_consistent), Allowed("names with numbers")] = Field(
        Limits(), description="What strangers may use up: see docs/operating.md."
    )

    @property
    def host(self) -> str:
        """The host or address to listen on, without brackets; empty for all interfaces."""
        return values.split_address(self.localaddress)[0]

    @property
    def port(self) -> int:
        """The port to listen on: that of `localaddress` if it has one, else `localport`; 0 for any free one."""
        port = values.split_address(self.localaddress)[1]
        return self.localport if port is None else port

    @property
    def public_host(self) -> str | None:
        """The host of `publicaddress`, IPv6 in brackets, without its port; None when that is unset."""
        return None if self.publicaddress is None else str(Authority(parse_target(self.publicaddress).host))

    @property
    def is_behind_tls(self) -> bool:
        """Whether clients come by https."""
        return self.publicaddress is not None and self.publicaddress.startswith("https:")


@dataclass(frozen=True)
class Loaded:
    """A configuration, and what its author should be told: one line each."""

    configuration: Configuration
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class ConfigurationError(Exception):
    """The configuration cannot be used: `lines` has everything that is wrong with it, one line each."""

    def __init__(self, file: Path, mistakes: Iterable[str]) -> None:
        self.lines = tuple(f"{shown_path(file)}: {mistake}" for mistake in mistakes)
        super().__init__("\n".join(self.lines))


def load(path: Path | None = None) -> Loaded:
    """Reads `path`, or `config.yaml` in the working directory, which may be missing. Raises ConfigurationError."""
    file = Path(path or DEFAULT_FILE)
    raw = _read(file, may_be_missing=path is None)
    if raw is None:
        notice = f"{shown_path(file.absolute())} does not exist: every key has its default"
        return Loaded(_checked({}, file, []), notices=(notice,))
    try:
        given, mistakes = read_mapping(raw)
    except BadYAML as error:
        raise ConfigurationError(file, [str(error)]) from error
    known, unknown = _known(given)
    configuration = _checked(known, file, mistakes, unknown)
    warnings = [*unknown, *_doubts(configuration, known)]
    return Loaded(configuration, warnings=tuple(f"{shown_path(file)}: {line}" for line in warnings))


def load_or_exit(path: Path | None) -> Loaded:
    """As `load`, but mistakes go to standard error, one line each, and end the process with status 2."""
    try:
        return load(path)
    except ConfigurationError as error:
        exit_with(error.lines)


def exit_with(lines: Iterable[str]) -> NoReturn:
    """Ends the process as a mistake in its configuration does: these lines on standard error, status 2."""
    for line in lines:
        print(line, file=sys.stderr)
    raise SystemExit(2)


def _read(file: Path, *, may_be_missing: bool) -> bytes | None:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        if may_be_missing:
            return None
        raise ConfigurationError(file, ["no such file; allowed: the path of a configuration file"]) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(file, [f"cannot be read: {reason}"]) from error


def _checked(known: dict[str, Any], file: Path, mistakes: Iterable[str], unknown: Iterable[str] = ()) -> Configuration:
    """The values of known keys as a configuration, relative paths beside `file`. Raises ConfigurationError.

    Unknown keys are no mistakes, but are told with them: a mistyped one may be a part of what went wrong.
    """
    found = list(mistakes)
    configuration = None
    try:
        configuration = Configuration.model_validate(known, context={"directory": file.absolute().parent})
        found += _overwritten(configuration, file)
    except ValidationError as error:
        found += [_line(details) for details in error.errors() if details["type"] != "default_factory_not_called"]
    if configuration is None or found:
        raise ConfigurationError(file, [*found, *unknown])
    return configuration


def _known(given: dict[str, Value]) -> tuple[dict[str, Any], list[str]]:
    """The known keys that have a value, and a warning for each unknown one."""
    known, warnings = _split(given, Configuration.model_fields, "")
    limits = known.get("limits")
    if isinstance(limits, dict):
        known["limits"], more = _split(limits, Limits.model_fields, "limits.")
        warnings += more
    return known, warnings


def _split(given: dict[str, Value], fields: dict[str, FieldInfo], prefix: str) -> tuple[dict[str, Any], list[str]]:
    known = {name: value for name, value in given.items() if name in fields and value is not None}
    warnings = [
        f"{shown(prefix + name)}: unknown key, ignored; did you mean {prefix}{nearest(name, fields)}?"
        for name in given
        if name not in fields
    ]
    return known, warnings


def _line(details: ErrorDetails) -> str:
    """One mistake as its author reads it: the key, the value and what is allowed."""
    error = details.get("ctx", {}).get("error")
    if isinstance(error, NotAllowed):
        key = error.key or _path(details["loc"])
        return f"{key}: {shown(error.value if error.key else details['input'], key)} is not allowed; allowed: {error}"
    key = _path(details["loc"])
    return f"{key}: {shown(details['input'], key)} is not allowed; allowed: {_allowed(details['loc'])}"


def _path(location: tuple[int | str, ...]) -> str:
    """`iceservers[0].urls`, as one would write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _allowed(location: tuple[int | str, ...]) -> str:
    match location:
        case ("limits", str(name), *_):
            return allowed(Limits.model_fields[name])
        case (str(name), *_):
            return allowed(Configuration.model_fields[name])
    raise AssertionError(location)


def _overwritten(configuration: Configuration, file: Path) -> Iterator[str]:
    """The log is truncated at start, so it must be no file that holds something else."""
    if configuration.logfile is None:
        return
    log = os.path.realpath(configuration.logfile)
    for name, other in (("configuration", file), *((key, getattr(configuration, key)) for key in _OTHER_FILES)):
        if other is not None and log == os.path.realpath(other):
            yield f"logfile: {shown(configuration.logfile)} is not allowed; allowed: another file than the {name}"


def _doubts(configuration: Configuration, given: dict[str, Any]) -> Iterator[str]:
    """What is allowed but hardly meant."""
    if "localport" in given and configuration.port != configuration.localport:
        yield f"localport: {configuration.localport} is not used, for localaddress names port {configuration.port}"
    if not _call_page_may_connect(configuration):
        yield f"callpage: allowedorigins lacks {configuration.publicaddress}, so the page /call/ cannot connect"
    for key in ("forwardallow", "trustedproxies", "metricsallow"):
        if any(network.prefixlen == 0 for network in getattr(configuration, key)):
            yield f"{key}: a network with the prefix /0 is every address there is; anybody may be behind it"


def _call_page_may_connect(configuration: Configuration) -> bool:
    """Whether the origin rule lets our own page in, as far as our address is known."""
    origins, address = configuration.allowedorigins, configuration.publicaddress
    return not configuration.callpage or origins is None or address is None or values.origin(address) in origins

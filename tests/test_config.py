from collections.abc import Callable
from ipaddress import IPv6Network, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from roundtable.config import Configuration, ConfigurationError, Loaded, load, load_or_exit
from roundtable.yamlfile import MAX_BYTES, BadYAML, read_mapping
from signalling.limits import Limits

ROOT = Path(__file__).resolve().parent.parent
BROKEN = yaml.safe_load((ROOT / "tests/broken_configs.yaml").read_text(encoding="utf-8"))

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        file = tmp_path / "config.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def mistakes(file: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load(file)
    return [line.replace(f"{file}: ", "FILE: ", 1) for line in raised.value.lines]


# Broken configurations


@pytest.mark.parametrize("broken", BROKEN, ids=[broken["why"] for broken in BROKEN])
def test_r20_a_broken_configuration_is_status_2_and_a_line_for_each_mistake_with_its_key(
    broken: dict[str, Any], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(broken["config"])
    with pytest.raises(SystemExit) as ended:
        load_or_exit(file)
    said = capsys.readouterr().err.splitlines()
    expected = [line.replace("DIRECTORY", str(file.parent)) for line in broken["says"]]
    assert (ended.value.code, said) == (2, [line.replace("FILE: ", f"{file}: ", 1) for line in expected])


def test_broken_configurations_are_many() -> None:
    assert len(BROKEN) >= 25


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"loglevel: \xff", "FILE: not UTF-8 (byte 10)"),
        ("loglevel: info".encode("utf-16"), "FILE: not UTF-8 (byte 0)"),
        (b"# " + b"x" * MAX_BYTES, f"FILE: longer than {MAX_BYTES} bytes"),
        (b"limits: " + b"[" * 5000 + b"]" * 5000, "FILE: nested too deeply"),
    ],
    ids=["latin-1", "utf-16", "too long", "too deep"],
)
def test_file_that_is_no_text_of_ours(content: bytes, says: str, write: Write) -> None:
    assert mistakes(write(content)) == [says]


def test_directory_is_no_file(tmp_path: Path) -> None:
    assert mistakes(tmp_path) == ["FILE: cannot be read: Is a directory"]


def test_named_file_must_exist(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "none.yaml") == ["FILE: no such file; allowed: the path of a configuration file"]


def test_path_of_the_file_cannot_break_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path / "a\nb\x1b[2J.yaml")
    (line,) = raised.value.lines
    assert line.isascii() and line.isprintable()


@pytest.mark.parametrize(
    "servers",
    [
        "[{urls: 'turn:turn.example.org', credential: hunter2}]",
        "[{urls: 'turn:turn.example.org', username: ada, credential: [hunter2]}]",
        "[{urls: 5, username: ada, credential: hunter2}]",
        "[{urls: ['stun:a b'], username: ada, credential: hunter2}]",
        "{urls: 'turn:turn.example.org', username: ada, credential: hunter2}",
        "['turn:ada:hunter2@turn.example.org']",
    ],
)
def test_credentials_are_never_told(servers: str, write: Write) -> None:
    assert "hunter2" not in "\n".join(mistakes(write(f"iceservers: {servers}")))


def test_credentials_are_not_in_the_representation(write: Write) -> None:
    file = write("iceservers: [{urls: 'turn:turn.example.org', username: ada, credential: hunter2}]")
    assert "hunter2" not in repr(load(file))


@given(st.binary(max_size=200) | st.text(alphabet="abclimts:[]{}-&*!#|>%@`\"', \n\t0_~\x85\u2028", max_size=60))
def test_whatever_the_file_holds_it_is_read_or_refused_in_single_lines(content: bytes | str) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    try:
        _, found = read_mapping(raw)
    except BadYAML as error:
        found = [str(error)]
    assert all(len(line.splitlines()) == 1 for line in found)


# What keys mean


def test_missing_default_file_means_defaults_with_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load()
    assert loaded.notices == (f"{tmp_path}/config.yaml does not exist: every key has its default",)
    assert loaded.warnings == ()
    assert loaded.configuration.model_dump() == {
        "loglevel": "info",
        "logfile": None,
        "localport": 1066,
        "timeout": 30,
        "localaddress": "",
        "publicaddress": None,
        "allowedhosts": None,
        "forward": "public",
        "forwardallow": (),
        "forwardfrom": None,
        "trustedproxies": (),
        "metricsallow": tuple(
            map(
                ip_network,
                ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
            )
        ),
        "allowedorigins": None,
        "iceservers": [],
        "turn": None,
        "callpage": True,
        "database": tmp_path / "roundtable.sqlite3",
        "secretkeyfile": tmp_path / "secret.key",
        "controlsocket": tmp_path / "roundtable.sock",
        "limits": Limits().model_dump(),
    }


def test_default_file_is_in_the_working_directory(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write("localport: 1067").parent)
    assert load().configuration.localport == 1067


@pytest.mark.parametrize(
    "content", ["", "# nothing\n", "---\n", "~", "\ufeff", "localport:\nlogfile: ''\nlimits: null"]
)
def test_nothing_said_means_defaults(content: str, write: Write) -> None:
    file = write(content)
    loaded = load(file)
    assert loaded.configuration == Configuration(
        database=file.parent / "roundtable.sqlite3",
        secretkeyfile=file.parent / "secret.key",
        controlsocket=file.parent / "roundtable.sock",
    )
    assert (loaded.notices, loaded.warnings) == ((), ())


def test_samples_of_the_go_server(write: Write) -> None:
    loaded = load(write('loglevel: "debug"\nlocaladdress: "localhost:1066"\ntimeout: 30\n'))
    configuration = loaded.configuration
    assert (configuration.loglevel, configuration.timeout) == ("debug", 30)
    assert (configuration.host, configuration.port) == ("localhost", 1066)
    assert loaded.warnings == ()


def test_keys_are_read_without_regard_to_case(write: Write) -> None:
    content = "LogLevel: WARN\nLOCALPORT: 1067\nlimits: {Message_Bytes: 8192}\niceServers: [{URLs: 'stun:example.org'}]"
    configuration = load(write(content)).configuration
    assert (configuration.loglevel, configuration.localport) == ("warn", 1067)
    assert configuration.limits.message_bytes == 8192
    assert configuration.iceservers == [{"urls": ["stun:example.org"]}]


@pytest.mark.parametrize(("text", "forward"), [("off", "off"), ("OFF", "off"), ("'off'", "off"), ("Public", "public")])
def test_off_is_a_word(text: str, forward: str, write: Write) -> None:
    assert load(write(f"forward: {text}")).configuration.forward == forward


@pytest.mark.parametrize(
    ("text", "timeout"), [("0.05", 0.05), ("010", 10), ("'30'", 30), ("1e1", 10), ("1_000", 1000), ("+5", 5)]
)
def test_numbers_are_decimal(text: str, timeout: float, write: Write) -> None:
    assert load(write(f"timeout: {text}")).configuration.timeout == timeout


@pytest.mark.parametrize(
    ("content", "host", "port"),
    [
        ("", "", 1066),
        ("localport: 0", "", 0),
        ("localaddress: localhost", "localhost", 1066),
        ("localaddress: localhost\nlocalport: 1067", "localhost", 1067),
        ("localaddress: localhost:1068\nlocalport: 1067", "localhost", 1068),
        ("localaddress: :8080", "", 8080),
        ("localaddress: 127.0.0.1:0", "127.0.0.1", 0),
        ("localaddress: ::1", "::1", 1066),
        ("localaddress: '[::1]'", "::1", 1066),
        ("localaddress: '[::1]:8080'", "::1", 8080),
        ("localaddress: 0.0.0.0:8080", "0.0.0.0", 8080),
    ],
)
def test_host_and_port_listened_on(content: str, host: str, port: int, write: Write) -> None:
    configuration = load(write(content)).configuration
    assert (configuration.host, configuration.port) == (host, port)


@pytest.mark.parametrize(
    ("given_", "address", "host", "is_behind_tls"),
    [
        ("https://Signal.Example.org/", "https://signal.example.org", "signal.example.org", True),
        ("http://signal.example.org:8080", "http://signal.example.org:8080", "signal.example.org", False),
        ("http://[2001:DB8::1]:1066", "http://[2001:db8::1]:1066", "[2001:db8::1]", False),
        ("", None, None, False),
    ],
)
def test_public_address(given_: str, address: str | None, host: str | None, is_behind_tls: bool, write: Write) -> None:
    configuration = load(write(f"publicaddress: '{given_}'")).configuration
    assert (configuration.publicaddress, configuration.public_host) == (address, host)
    assert configuration.is_behind_tls is is_behind_tls


def test_limits_that_hang_together_may_be_equal(write: Write) -> None:
    limits = load(
        write("limits: {message_bytes: 65536, buffer_bytes: 131072, unsent_bytes: 131072}")
    ).configuration.limits
    assert (limits.message_bytes, limits.buffer_bytes, limits.unsent_bytes) == (65_536, 131_072, 131_072)


def test_networks(write: Write) -> None:
    configuration = load(write('forwardallow: ["127.0.0.0/8", "::1/128"]\ntrustedproxies: [192.0.2.7]')).configuration
    assert configuration.forwardallow == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert configuration.trustedproxies == (ip_network("192.0.2.7/32"),)


@pytest.mark.parametrize("content, networks", [("[]", ()), ("[2001:db8::/32]", (ip_network("2001:db8::/32"),))])
def test_metrics_are_for_whom_the_list_names_and_an_empty_one_names_nobody(
    content: str, networks: tuple[IPv6Network, ...], write: Write
) -> None:
    assert load(write(f"metricsallow: {content}")).configuration.metricsallow == networks


def test_origins_are_as_browsers_write_them(write: Write) -> None:
    file = write(
        "allowedorigins: [https://Example.org:443/, http://localhost:8080, tauri://localhost, 'http://[::1]:80']"
    )
    assert load(file).configuration.allowedorigins == (
        "https://example.org",
        "http://localhost:8080",
        "tauri://localhost",
        "http://[::1]",
    )


def test_no_origin_at_all_can_be_allowed(write: Write) -> None:
    assert load(write("allowedorigins: []")).configuration.allowedorigins == ()


def test_ice_servers_are_those_of_w3c(write: Write) -> None:
    file = write(
        "iceservers:\n"
        "  - stun:stun.example.org:3478\n"
        "  - urls: ['turn:turn.example.org?transport=udp', 'turns:turn.example.org']\n"
        "    username: ada\n"
        "    credential: 12345\n"
    )
    assert load(file).configuration.iceservers == [
        {"urls": ["stun:stun.example.org:3478"]},
        {
            "urls": ["turn:turn.example.org?transport=udp", "turns:turn.example.org"],
            "username": "ada",
            "credential": "12345",
        },
    ]


def test_relative_paths_are_beside_the_file(write: Write, tmp_path: Path) -> None:
    configuration = load(write("logfile: log/x.log\ndatabase: db/accounts.sqlite3")).configuration
    assert configuration.logfile == tmp_path / "log/x.log"
    assert configuration.database == tmp_path / "db/accounts.sqlite3"
    assert configuration.secretkeyfile == tmp_path / "db/secret.key"
    assert configuration.controlsocket == tmp_path / "db/roundtable.sock"


@pytest.mark.parametrize("nothing", ["''", '""'])
def test_control_socket_is_turned_off_by_an_empty_text(nothing: str, write: Write) -> None:
    assert load(write(f"controlsocket: {nothing}")).configuration.controlsocket is None
    assert load(write("controlsocket:")).configuration.controlsocket is not None


def test_absolute_and_home_paths(write: Write) -> None:
    configuration = load(write("logfile: /var/log/x.log\nsecretkeyfile: ~/secret.key")).configuration
    assert configuration.logfile == Path("/var/log/x.log")
    assert configuration.secretkeyfile == Path.home() / "secret.key"


@pytest.mark.parametrize(("word", "is_served"), [("true", True), ("on", True), ("False", False), ("off", False)])
def test_call_page_is_turned_on_and_off(word: str, is_served: bool, write: Write) -> None:
    assert load(write(f"callpage: {word}")).configuration.callpage is is_served


@pytest.mark.parametrize(
    "content",
    [
        "callpage: off\npublicaddress: https://a.example\nallowedorigins: []",
        "publicaddress: https://a.example:443\nallowedorigins: [https://A.example]",
        "allowedorigins: [https://b.example]",
    ],
    ids=["off", "allowed", "address unknown"],
)
def test_call_page_that_can_connect_is_no_doubt(content: str, write: Write) -> None:
    assert load(write(content)).warnings == ()


def test_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Configuration().localport = 1  # type: ignore[misc]


# Warnings


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        ("time_out: 5", "time_out: unknown key, ignored; did you mean timeout?"),
        ("iceserver: []", "iceserver: unknown key, ignored; did you mean iceservers?"),
        ("limits: {outbond: 5}", "limits.outbond: unknown key, ignored; did you mean limits.outbound?"),
        ('"a\\nb\\e": 1', '"a\\nb\\u001b": unknown key, ignored; did you mean database?'),
        (
            "localaddress: localhost:1066\nlocalport: 8080",
            "localport: 8080 is not used, for localaddress names port 1066",
        ),
        (
            "publicaddress: https://a.example\nallowedorigins: [https://b.example]",
            "callpage: allowedorigins lacks https://a.example, so the page /call/ cannot connect",
        ),
        (
            "forwardallow: [0.0.0.0/0]",
            "forwardallow: a network with the prefix /0 is every address there is; anybody may be behind it",
        ),
        (
            "trustedproxies: ['::/0']",
            "trustedproxies: a network with the prefix /0 is every address there is; anybody may be behind it",
        ),
        (
            "metricsallow: [0.0.0.0/0]",
            "metricsallow: a network with the prefix /0 is every address there is; anybody may be behind it",
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning(content: str, warning: str, write: Write) -> None:
    file = write(content)
    assert load(file).warnings == (f"{file}: {warning}",)


# The file that comes with the server


def uncommented(text: str) -> str:
    """Every `#key: value` and what belongs to it; comments for people have a space after their sign."""
    lines = [line[1:] for line in text.splitlines() if line.startswith("#") and (line[1:3] == "  " or line[1:2] != " ")]
    return "\n".join(lines)


def shipped() -> str:
    return (ROOT / "config.yaml").read_text(encoding="utf-8")


def test_shipped_file_is_all_defaults(write: Write) -> None:
    loaded = load(write(shipped()))
    assert loaded == Loaded(load(write("")).configuration)


def test_shipped_file_has_every_key(write: Write) -> None:
    text = uncommented(shipped())
    assert load(write(text)).warnings == ()
    keys, _ = read_mapping(text.encode())
    assert list(keys) == list(Configuration.model_fields)
    limits = keys["limits"]
    assert isinstance(limits, dict)
    assert list(limits) == list(Limits.model_fields)


def test_shipped_file_shows_the_defaults(write: Write) -> None:
    shown = load(write(uncommented(shipped()))).configuration
    default = load(write("")).configuration
    for key in ("loglevel", "localport", "timeout", "forward", "database", "secretkeyfile", "controlsocket", "limits"):
        assert getattr(shown, key) == getattr(default, key), key


def test_shipped_file_explains_every_key_as_the_schema_does() -> None:
    explanations = [line.removeprefix("#").strip().removeprefix("# ") for line in shipped().splitlines()]
    for field in (*Configuration.model_fields.values(), *Limits.model_fields.values()):
        assert field.description in explanations

"""What the fast lane relies on of daphne, autobahn and Twisted that they promise to nobody: one table, and its check.

Nothing here imports the lane itself, nor daphne or autobahn before it is asked about them: that chooses the reactor.
"""

from __future__ import annotations

import importlib
from functools import reduce
from types import FunctionType

RELIED_UPON: dict[str, tuple[str, ...]] = {
    "twisted.internet.asyncioreactor:AsyncioSelectorReactor.__init__": ("_asyncioEventloop", "_readers", "_writers"),
    "twisted.internet.asyncioreactor:AsyncioSelectorReactor.addReader": ("add_reader", "_readOrWrite", "_readers"),
    "twisted.internet.asyncioreactor:AsyncioSelectorReactor.addWriter": ("add_writer", "_readOrWrite", "_writers"),
    "twisted.internet.asyncioreactor:AsyncioSelectorReactor._readOrWrite": ("doRead", "doWrite"),
    "twisted.internet.abstract:FileDescriptor.__init__": ("_tempDataBuffer", "_tempDataLen"),
    "twisted.internet.abstract:FileDescriptor.write": (
        "_tempDataBuffer",
        "_tempDataLen",
        "_maybePauseProducer",
        "connected",
        "_writeDisconnected",
    ),
    "twisted.internet.abstract:FileDescriptor._maybePauseProducer": ("streamingProducer", "pauseProducing"),
    "twisted.internet.abstract:FileDescriptor.writeSequence": ("_tempDataBuffer", "_tempDataLen"),
    "twisted.internet.abstract:FileDescriptor.doWrite": (
        "_tempDataBuffer",
        "dataBuffer",
        "offset",
        "producer",
        "disconnecting",
        "_postLoseConnection",
    ),
    "twisted.internet.abstract:FileDescriptor.loseConnection": ("disconnecting", "_writeDisconnected", "stopReading"),
    "twisted.internet.abstract:FileDescriptor.loseWriteConnection": ("_writeDisconnecting",),
    "twisted.internet.posixbase:_DisconnectSelectableMixin._disconnectSelectable": ("connectionLost",),
    "twisted.internet.tcp:Connection.doRead": ("socket", "bufferSize"),
    "twisted.internet.tcp:Connection._dataReceived": ("protocol", "dataReceived"),
    "twisted.internet.tcp:Connection.abortConnection": ("_aborting",),
    "twisted.internet.tcp:Connection.TLS": (),
    "twisted.internet.tcp:Server.__init__": ("client",),
    "twisted.internet.tcp:Port.doRead": ("transport", "buildProtocol", "numberAccepts", "sessionno"),
    "autobahn.twisted.websocket:WebSocketAdapterProtocol.connectionMade": ("setTcpNoDelay", "peer", "_connectionMade"),
    "autobahn.twisted.websocket:WebSocketAdapterProtocol.connectionLost": ("_connectionLost",),
    "autobahn.twisted.websocket:WebSocketAdapterProtocol.dataReceived": ("_dataReceived",),
    "autobahn.websocket.protocol:WebSocketProtocol.__init__": ("is_closed", "is_open", "_transport_details"),
    "autobahn.websocket.protocol:WebSocketProtocol._connectionMade": (
        "CONFIG_ATTRS",
        "state",
        "data",
        "utf8validator",
        "trafficStats",
        "openHandshakeTimeout",
        "openHandshakeTimeoutCall",
    ),
    "autobahn.websocket.protocol:WebSocketProtocol.onOpenHandshakeTimeout": ("state", "dropConnection"),
    "autobahn.websocket.protocol:WebSocketProtocol._dataReceived": ("data", "consumeData"),
    "autobahn.websocket.protocol:WebSocketProtocol.processData": ("current_frame", "inside_message", "data"),
    "autobahn.websocket.protocol:WebSocketProtocol.sendData": ("transport", "send_queue"),
    "autobahn.websocket.protocol:WebSocketProtocol.processControlFrame": ("onCloseFrame",),
    "autobahn.websocket.protocol:WebSocketProtocol.onCloseFrame": ("wasClean", "sendCloseFrame", "dropConnection"),
    "autobahn.websocket.protocol:WebSocketProtocol.STATE_OPEN": (),
    "autobahn.websocket.protocol:WebSocketServerProtocol.CONFIG_ATTRS": (),
    "autobahn.websocket.protocol:WebSocketServerProtocol._connectionMade": ("_connectionMade", "countConnections"),
    "autobahn.websocket.protocol:WebSocketServerProtocol._connectionLost": ("_connectionLost", "countConnections"),
    "autobahn.websocket.protocol:WebSocketServerProtocol.processHandshake": (
        "websocket_version",
        "websocket_protocols",
        "succeedHandshake",
    ),
    "autobahn.websocket.protocol:WebSocketServerProtocol.succeedHandshake": (
        "websocket_protocols",
        "websocket_protocol_in_use",
        "websocket_extensions_in_use",
        "state",
        "current_frame",
        "inside_message",
        "_onOpen",
        "consumeData",
    ),
    "autobahn.websocket.protocol:WebSocketServerProtocol.failHandshake": ("sendHttpErrorResponse", "dropConnection"),
    "daphne.ws_protocol:WebSocketProtocol.onConnect": (
        "protocol_connected",
        "request",
        "root_path",
        "socket_opened",
        "last_ping",
        "client_addr",
        "server_addr",
        "path",
        "create_application",
        "handshake_deferred",
    ),
    "daphne.ws_protocol:WebSocketProtocol.applicationCreateWorked": ("application_queue", "request"),
    "daphne.ws_protocol:WebSocketProtocol.serverAccept": ("handshake_deferred", "callback"),
    "daphne.ws_protocol:WebSocketProtocol.serverReject": ("handshake_deferred", "errback"),
    "daphne.ws_protocol:WebSocketProtocol.handle_exception": ("handshake_deferred", "errback"),
}
"""What must be there, as `module:Class.name`; of a function, the names too that its code must use."""


def missing(package: str = "") -> list[str]:
    """What is not as the lane needs it, in this package or in all three."""
    relied_upon = {where: names for where, names in RELIED_UPON.items() if where.startswith(package)}
    return [what for where, names in relied_upon.items() for what in _missing(where, names)]


def _missing(where: str, names: tuple[str, ...]) -> list[str]:
    module, _, path = where.partition(":")
    try:
        found = reduce(getattr, path.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return [where]
    if not names:
        return []
    used = _names_in(found)
    return [f"{where} ({name})" for name in names if name not in used]


def _names_in(function: object) -> frozenset[str]:
    """The names of attributes that its code uses; those of functions within it are among them."""
    if not isinstance(function, FunctionType):
        return frozenset()
    codes, names = [function.__code__], set[str]()
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, type(code))]
    return frozenset(names)

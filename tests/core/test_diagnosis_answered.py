"""What an operator reads about an answered call: whether it works, and what the candidates tell if it does not."""

from __future__ import annotations

import pytest

from tests.core.client import Client
from tests.core.scene import Scene, identifier
from tests.core.test_diagnosis import Act, diagnosis
from tests.core.test_traces import HOST, RELAY, SRFLX, described
from tests.core.wording import NOBODY


def answered(scene: Scene, ada: Client, bob: Client, own: list[str], others: list[str]) -> None:
    """After 2 s; either side tells of these candidates."""
    scene.now += 0.5
    ada.dial(bob, description=described("offer", *own))
    scene.now += 2
    bob.answer(description=described("answer", *others))


NO_PATH = "The call was answered after 2.0 s, and no path was found. "
FAILED: list[tuple[str, list[str], list[str], bool, bool, str]] = [
    # what it is, the caller's candidates, the callee's, STUN, TURN, the cause
    (
        "nothing from the caller",
        [],
        [HOST, SRFLX],
        True,
        True,
        "No candidate came from the caller: its network or its software gave it no address to be reached at.",
    ),
    (
        "nothing from the callee",
        [HOST, RELAY],
        [],
        True,
        True,
        "No candidate came from the callee: its network or its software gave it no address to be reached at.",
    ),
    (
        "nothing at all",
        [],
        [],
        True,
        True,
        "No candidate came from either side: its network or its software gave it no address to be reached at.",
    ),
    (
        "hosts without STUN",
        [HOST],
        [HOST],
        False,
        False,
        "Both sides have host candidates only (no STUN server is configured), and there is no relay candidate "
        "on either side: no TURN server is configured.",
    ),
    (
        "one with hosts",
        [HOST],
        [HOST, SRFLX],
        True,
        False,
        "The caller has host candidates only (a STUN server is configured and not reached), and there is no "
        "relay candidate on either side: no TURN server is configured.",
    ),
    (
        "the other with hosts",
        [HOST, SRFLX],
        [HOST],
        True,
        True,
        "The callee has host candidates only (a STUN server is configured and not reached), and there is no "
        "relay candidate on either side: the TURN server is not reached, or refuses the credentials.",
    ),
    (
        "no TURN",
        [HOST, SRFLX],
        [HOST, SRFLX],
        True,
        False,
        "There is no relay candidate on either side: no TURN server is configured.",
    ),
    (
        "TURN is not reached",
        [SRFLX],
        [HOST, SRFLX],
        True,
        True,
        "There is no relay candidate on either side: the TURN server is not reached, or refuses the credentials.",
    ),
    (
        "a relay of the caller",
        [HOST, RELAY],
        [HOST, SRFLX],
        True,
        True,
        "Only the caller has relay candidates: the callee reaches neither these nor a TURN server.",
    ),
    (
        "a relay of the callee",
        [HOST],
        [RELAY],
        True,
        True,
        "Only the callee has relay candidates: the caller reaches neither these nor a TURN server.",
    ),
    (
        "relays",
        [HOST, RELAY],
        [SRFLX, RELAY],
        True,
        True,
        "Both sides have relay candidates: a firewall blocks what they send to the TURN server, or that "
        "refuses to relay (its credentials, or the addresses that it denies).",
    ),
]


@pytest.mark.parametrize(
    ("own", "others", "has_stun", "has_turn", "cause"), [case[1:] for case in FAILED], ids=[case[0] for case in FAILED]
)
@pytest.mark.parametrize("told", ["by a report", "by a hang-up"])
def test_a_call_that_found_no_path(
    scene: Scene,
    ada: Client,
    bob: Client,
    own: list[str],
    others: list[str],
    has_stun: bool,
    has_turn: bool,
    cause: str,
    told: str,
) -> None:
    answered(scene, ada, bob, own, others)
    if told == "by a report":
        bob.report(state="failed")
    else:
        ada.hang_up(reason="failed")
    assert diagnosis(scene, has_stun=has_stun, has_turn=has_turn) == NO_PATH + cause


def test_offers_over_http_need_no_candidates(scene: Scene, bob: Client) -> None:
    scene.post(bob)
    bob.answer(description=described("answer", HOST, SRFLX))
    bob.report(state="failed")
    assert diagnosis(scene, has_turn=False) == (
        "The call was answered after 0 ms, and no path was found. "
        "There is no relay candidate on either side: no TURN server is configured."
    )


def test_a_call_that_has_worked_and_failed_later(scene: Scene, ada: Client, bob: Client) -> None:
    answered(scene, ada, bob, [HOST], [HOST])
    scene.now += 1
    ada.report()
    scene.now += 60
    ada.report(state="failed")
    ada.hang_up(reason="failed")
    assert diagnosis(scene) == (
        "The call was connected after 3.0 s and failed later: the network of a party changed or went away."
    )


def test_a_call_that_works_for_one_only(scene: Scene, ada: Client, bob: Client) -> None:
    answered(scene, ada, bob, [HOST], [HOST])
    ada.report()
    bob.report(state="failed")
    assert diagnosis(scene) == (
        "The caller reports that the call is connected, and the callee that it failed: "
        "packets pass in one direction only, or the media could not be encrypted (DTLS)."
    )


@pytest.mark.parametrize(
    ("reports", "way"),
    [
        ([{"local": "host", "remote": "prflx"}], "connected directly (host to prflx)"),
        ([{"local": "srflx", "remote": "relay"}], "connected through a relay (srflx to relay)"),
        ([{"local": "relay", "remote": "host"}], "connected through a relay (relay to host)"),
        ([{}, {"local": "host", "remote": "host"}], "connected directly (host to host)"),
        ([{"remote": "relay"}], "connected through a relay (relay)"),
        ([{}], "connected"),
    ],
)
def test_a_call_that_is_well(scene: Scene, ada: Client, bob: Client, reports: list[dict[str, str]], way: str) -> None:
    answered(scene, ada, bob, [HOST], [HOST])
    scene.now += 0.5
    for client, types in zip((bob, ada), reports, strict=False):
        client.report(**types)
    assert diagnosis(scene) == f"The call was answered after 2.0 s and {way} after 2.5 s: it is well."


@pytest.mark.parametrize(
    ("end", "ending"),
    [
        (lambda scene, ada, bob: bob.hang_up(), " The callee hung up after 63 s (done)."),
        (
            lambda scene, ada, bob: scene.lose(ada, 1009),
            " The server closed the caller's connection for good after 63 s.",
        ),
        (lambda scene, ada, bob: bob.say("bye"), " The callee left after 63 s."),
        (lambda scene, ada, bob: scene.drain(), " Its signalling ended after 63 s (draining), which ends no media."),
        (lambda scene, ada, bob: scene.part(bob), " Its signalling ended after 66 s (gone), which ends no media."),
        (lambda scene, ada, bob: ada.say("kick", table="camelot", peer=bob.peer), " It ended after 63 s (kicked)."),
    ],
)
def test_how_a_call_that_was_well_has_ended(scene: Scene, ada: Client, bob: Client, end: Act, ending: str) -> None:
    for client in (ada, bob):
        client.say("join", table="camelot")
    scene.established(ada, bob, table="camelot")
    ada.report()
    scene.now += 63
    end(scene, ada, bob)
    assert diagnosis(scene) == f"The call was answered after 0 ms and connected after 0 ms: it is well.{ending}"


# Where nobody reports


def test_a_call_of_which_nobody_reports(scene: Scene, ada: Client, bob: Client) -> None:
    answered(scene, ada, bob, [HOST, SRFLX], [HOST])
    known = "The call was answered after 2.0 s; whether it works is not known, for neither party has reported."
    assert diagnosis(scene, has_stun=False, has_turn=False) == (
        f"{known} If it does not: the callee has host candidates only (no STUN server is configured), "
        "and there is no relay candidate on either side: no TURN server is configured."
    )
    ada.trickle(candidate={"candidate": RELAY})
    bob.trickle(candidate={"candidate": RELAY})
    assert diagnosis(scene) == known


def test_clients_over_http_do_not_report(scene: Scene, ada: Client) -> None:
    ada.dial(identifier(NOBODY), description=described("offer", HOST, RELAY))
    scene.reply(scene.errands[0])
    assert diagnosis(scene).startswith(
        "The call was answered after 0 ms; whether it works is not known, for clients over HTTP do not report. "
        "If it does not: no candidate came from the callee"
    )

"""Whole conversations, made up by hypothesis: whatever peers do, every offer has one outcome and nothing is left."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signalling.codes import CloseCode, ErrorCode
from signalling.identity import NIL_UUID
from signalling.parties import Errand
from signalling.refusals import Refusal
from tests.core.client import Client
from tests.core.scene import ANSWERER, HttpCaller, Scene, identifier, new_proof
from tests.core.talker import Talker, View
from tests.core.wording import ADA, ANSWER, BOB, CANDIDATE, EVE, HOME, LATER_OFFER, NOBODY, Frame

PROVEN = dict(new_proof(number) for number in (1, 2))
"""Self-certifying ids and their proofs."""
CALLS = [f"{digit}0000000-0000-4000-8000-000000000000" for digit in "27cf"]
LIMITS: dict[str, float] = {
    "connections": 9,
    "connections_per_address": 6,
    "messages_burst": 40,
    "messages_per_second": 2,
    "refused_messages": 3,
    "misbehaviour": 3,
    "open_calls": 3,
    "unanswered_per_source": 3,
    "unanswered_per_callee": 3,
    "ended_call_seconds": 20,
    "unknown_peers": 5,
    "failures": 2,
    "posts_burst": 8,
    "posts_per_second": 1,
}
TIMEOUT = 10
SILENCE = max(TIMEOUT, LIMITS["ended_call_seconds"])
"""After so many seconds nothing waits any longer."""

sources = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
calls = st.sampled_from(CALLS)
talkers = st.runner().flatmap(lambda machine: st.sampled_from(machine.talkers))
errands = st.runner().flatmap(lambda machine: st.sampled_from(machine.scene.errands))
callers = st.runner().flatmap(lambda machine: st.sampled_from(machine.callers))
SAYINGS: dict[str, Frame] = {
    "offer": {"description": LATER_OFFER},
    "answer": {"description": ANSWER},
    "candidate": {"candidate": CANDIDATE},
    "reject": {"reason": "busy"},
    "hangup": {"reason": "done"},
}
OUTCOME_NOTES = {"call answer", "call reject", "call hangup", "call error", "offer withdrawn"}


class Conversations(RuleBasedStateMachine):
    """Peers that do anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(timeout=TIMEOUT, **LIMITS)
        self.talkers: list[Talker] = []
        """Who is welcome and has not left."""
        self.gone: list[Talker] = []
        self.silent: list[Client] = []
        """Connections without a session, or closed by the server and not yet lost."""
        self.callers: list[HttpCaller] = []
        self.admitted: set[Errand] = set()
        self.steps = 0

    # Coming

    @initialize()
    def two_are_here(self) -> None:
        for peer in (ADA, BOB):
            self.hello(self.scene.connect(), peer=peer)

    @rule(source=sources, peer=st.sampled_from([ADA, BOB, EVE, EVE.upper(), None]))
    def somebody_comes(self, source: str, peer: str | None) -> None:
        self.hello(self.scene.connect(source=source), peer=peer)

    @rule(source=sources, peer=st.sampled_from(list(PROVEN)), proof=st.sampled_from([*PROVEN.values(), "", None]))
    def somebody_comes_with_a_proof(self, source: str, peer: str, proof: str | None) -> None:
        client = self.scene.connect(source=source)
        self.hello(client, peer=peer, proof=proof)
        if proof != PROVEN[peer]:
            assert client.closed is not None
            assert client.welcome is None

    @rule(source=sources)
    def somebody_comes_and_says_nothing(self, source: str) -> None:
        self.silent.append(self.scene.connect(source=source))

    def hello(self, client: Client, **fields: Any) -> None:
        peer = str(fields["peer"]).lower()
        was_here = peer in self.scene.switchboard.peers
        client.hello(**fields)
        frames = client.takes()
        if client.welcome is None:
            assert client.closed is not None
            self.silent.append(client)
            return
        assert [frame["type"] for frame in frames] == ["welcome"]
        assert not was_here or PROVEN[peer] == fields["proof"], "nobody is welcome as somebody who is here"
        self.talkers.append(Talker(client))

    # Calling

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, callee=talkers, call=calls, trickle=st.booleans(), by_identifier=st.booleans())
    def somebody_dials(self, talker: Talker, callee: Talker, call: str, trickle: bool, by_identifier: bool) -> None:
        to = identifier(callee.peer, HOME) if by_identifier else callee.peer
        reply = talker.dial(callee.peer, call, to, trickle=trickle, is_elsewhere=False)
        assert reply is not None
        self.check_delivery(talker, "offer", call, reply)
        if talker is callee:
            assert reply["type"] == "error"

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, call=calls)
    def somebody_dials_nobody(self, talker: Talker, call: str) -> None:
        reply = talker.dial(NOBODY, call, NOBODY, trickle=True, is_elsewhere=False)
        assert reply is not None
        assert reply["code"] in {"peer_unavailable", "rate_limited", "call_exists", "limit_exceeded"}

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, call=calls, callee=st.sampled_from([EVE, NIL_UUID]))
    def somebody_dials_an_address(self, talker: Talker, call: str, callee: str) -> None:
        talker.dial(callee, call, identifier(callee, ANSWERER), trickle=True, is_elsewhere=True)

    @precondition(lambda self: self.talkers)
    @rule(callee=talkers, call=calls, from_=st.sampled_from([ADA, EVE, NIL_UUID]), source=sources)
    def somebody_posts_to_a_peer(self, callee: Talker, call: str, from_: str, source: str) -> None:
        self.post(callee.peer, call=call, from_=from_, source=source)

    @rule(call=calls, from_=st.sampled_from([ADA, NOBODY]), source=sources, passed_through=st.booleans())
    def somebody_posts_to_an_address(self, call: str, from_: str, source: str, passed_through: bool) -> None:
        self.post(EVE, ANSWERER, call=call, from_=from_, source=source, passed_through=passed_through)

    def post(self, *to: str, from_: str, **offer: Any) -> None:
        try:
            self.callers.append(self.scene.post(*to, from_=from_, **offer))
        except Refusal as refusal:
            assert refusal.code is not ErrorCode.INTERNAL
        else:
            assert from_ not in self.scene.switchboard.peers

    @precondition(lambda self: self.callers)
    @rule(caller=callers)
    def an_http_caller_hangs_up(self, caller: HttpCaller) -> None:
        self.scene.withdraw(caller)

    # What the forwarder reports, even about what has ended

    @precondition(lambda self: self.scene.errands)
    @rule(errand=errands)
    def an_errand_is_admitted(self, errand: Errand) -> None:
        self.admitted.add(errand)
        self.scene.admit(errand)

    @precondition(lambda self: self.scene.errands)
    @rule(errand=errands)
    def an_errand_is_refused(self, errand: Errand) -> None:
        if errand not in self.admitted:
            self.scene.refuse(errand, ErrorCode.TARGET_NOT_ALLOWED)

    @precondition(lambda self: self.scene.errands)
    @rule(errand=errands)
    def an_errand_fails(self, errand: Errand) -> None:
        self.scene.fail(errand)

    @precondition(lambda self: self.scene.errands)
    @rule(errand=errands, body=st.sampled_from([None, b"<html>"]))
    def an_errand_is_answered(self, errand: Errand, body: bytes | None) -> None:
        self.scene.reply(errand, body)

    # In calls

    @precondition(lambda self: self.ringing())
    @rule(
        ringing=st.runner().flatmap(lambda machine: st.sampled_from(machine.ringing())),
        kind=st.sampled_from(["answer", "answer", "reject"]),
    )
    def somebody_settles_what_rings(self, ringing: tuple[Talker, str], kind: str) -> None:
        talker, call = ringing
        reply = self.say_in_call(talker, kind, call)
        assert reply.get("state") == "delivered" or reply["code"] == "rate_limited"

    @precondition(lambda self: self.established())
    @rule(
        established=st.runner().flatmap(lambda machine: st.sampled_from(machine.established())),
        kind=st.sampled_from(["offer", "offer", "answer", "answer", "reject", "candidate", "hangup"]),
    )
    def somebody_speaks_in_an_established_call(self, established: tuple[Talker, str], kind: str) -> None:
        self.say_in_call(established[0], kind, established[1])

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, kind=st.sampled_from(list(SAYINGS)), call=calls)
    def somebody_speaks_in_any_call(self, talker: Talker, kind: str, call: str) -> None:
        self.say_in_call(talker, kind, call)

    def say_in_call(self, talker: Talker, kind: str, call: str) -> Frame:
        view = talker.calls.get(call)
        before = View(**vars(view)) if view is not None else None
        reply = talker.say(kind, call=call, **SAYINGS[kind])
        if view is not None and kind == "offer" and reply.get("state") == "delivered":
            view.has_open_offer = True
        assert reply.get("state", reply.get("code")) in {*expected(kind, before), "rate_limited"}
        if before is None or not before.over_http:
            self.check_delivery(talker, kind, call, reply)
        return reply

    def check_delivery(self, talker: Talker, kind: str, call: str, reply: Frame) -> None:
        """What was acknowledged as delivered has come to exactly one other, and anything else to nobody."""
        copies = [
            other
            for other in self.talkers
            for frame in other.client.peek()
            if (frame["type"], frame.get("call"), frame.get("from")) == (kind, call, talker.peer)
        ]
        others_unread = [other for other in self.talkers if other.has_left]
        delivered = reply.get("state") == "delivered"
        assert len(copies) == delivered or (delivered and others_unread and not copies)

    # Anything else

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, kind=st.sampled_from(["hello", "ice_servers", "ping", "join"]))
    def somebody_says_something_else(self, talker: Talker, kind: str) -> None:
        talker.say(kind)

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, text=st.sampled_from(["{", "[]", '{"type":"offer"}', None]))
    def somebody_misbehaves(self, talker: Talker, text: str | None) -> None:
        if text is None:
            self.scene.receive_binary(talker.client)
        else:
            talker.client.write(text)

    @precondition(lambda self: self.silent)
    @rule(text=st.sampled_from(["{", '{"type":"ping"}', '{"type":"bye"}']))
    def somebody_who_is_not_welcome_speaks(self, text: str) -> None:
        self.silent[-1].write(text)

    # Leaving

    @precondition(lambda self: len(self.talkers) > 1)
    @rule(talker=talkers, says_bye=st.booleans())
    def somebody_leaves(self, talker: Talker, says_bye: bool) -> None:
        if says_bye:
            reply = talker.say("bye")
            assert reply.get("state") == "done" or reply["code"] == "rate_limited"
        if not says_bye or not talker.has_left:
            talker.reads()
            self.scene.lose(talker.client)
            self.forget(talker)

    @precondition(lambda self: self.silent)
    @rule()
    def connections_that_were_closed_are_lost(self) -> None:
        for client in self.silent:
            self.scene.lose(client)
        self.silent.clear()

    @rule(seconds=st.sampled_from([0.5, 3, 9.9, 10, 25, 61]))
    def time_passes(self, seconds: float) -> None:
        self.scene.wait(seconds)

    @precondition(lambda self: self.steps > 25)
    @rule()
    def the_server_says_goodbye(self) -> None:
        self.scene.drain()
        assert all(talker.client.closed is not None for talker in self.talkers)

    def forget(self, talker: Talker) -> None:
        talker.leaves()
        self.talkers.remove(talker)
        self.gone.append(talker)

    # What holds at any time

    def ringing(self) -> list[tuple[Talker, str]]:
        return [
            (talker, call)
            for talker in self.talkers
            for call, view in talker.calls.items()
            if not view.is_caller and not view.answered
        ]

    def established(self) -> list[tuple[Talker, str]]:
        return [(talker, call) for talker in self.talkers for call, view in talker.calls.items() if view.answered]

    @invariant()
    def what_holds_after_every_step(self) -> None:
        self.steps += 1
        self.everybody_understands_what_comes()
        self.every_accepted_offer_has_had_at_most_one_outcome()
        self.both_sides_of_the_wire_know_the_same_calls()

    def everybody_understands_what_comes(self) -> None:
        for talker in list(self.talkers):
            talker.reads()
            if talker.has_left:
                self.forget(talker)
                self.silent.append(talker.client)

    def every_accepted_offer_has_had_at_most_one_outcome(self) -> None:
        for talker in self.talkers + self.gone:
            assert talker.accepted == talker.outcomes.total() + talker.waiting

    def both_sides_of_the_wire_know_the_same_calls(self) -> None:
        for talker in self.talkers:
            session = talker.client.connection.session
            assert session is not None
            assert session.calls.keys() == talker.calls.keys()
            assert set(session.ringing) == {call for other, call in self.ringing() if other is talker}

    def teardown(self) -> None:
        self.everybody_understands_what_comes()
        if self.steps % 2:
            self.scene.wait(SILENCE)
            self.everybody_understands_what_comes()
            assert not any(talker.waiting for talker in self.talkers), "nothing waits for ever"
            assert all(caller.outcome is not None or caller.exchange.call is None for caller in self.callers)
        for talker in list(self.talkers):
            self.scene.lose(talker.client)
            self.forget(talker)
            self.everybody_understands_what_comes()
        self.connections_that_were_closed_are_lost()
        for caller in self.callers:
            self.scene.withdraw(caller)
        self.check_accounts()

    def check_accounts(self) -> None:
        """Offers = answers + rejections + hang-ups + errors, unaccounted 0, and every registry is empty."""
        assert sum(talker.accepted for talker in self.gone) == sum(talker.outcomes.total() for talker in self.gone)
        offered = Counter(note.fields["call"] for note in self.scene.notes if note.event == "call offered")
        ended = Counter(note.fields["call"] for note in self.scene.notes if note.event in OUTCOME_NOTES)
        assert offered == ended, "the log accounts for every offer too"
        assert set(self.scene.registries().values()) == {0}
        self.scene.wait(SILENCE)
        assert self.scene.switchboard.next_deadline() is None
        for client in [talker.client for talker in self.gone]:
            assert client.closed in {None, *CloseCode}


def expected(kind: str, view: View | None) -> set[str]:
    """How a message in a call may be answered, as far as its sender can tell."""
    if view is None:
        return {"call_unknown", "dropped"}
    if kind == "hangup":
        return {"done"} if view.is_caller and view.over_http else {"delivered"}
    if kind == "candidate":
        return {"delivered"} if view.trickle else {"call_state"}
    if not view.answered:
        return {"call_state"} if view.is_caller or kind == "offer" else {"delivered"}
    if kind != "offer":
        return {"delivered", "dropped", "call_state"}
    if view.has_open_offer:
        return {"call_state"}
    return {"delivered"} if view.is_caller else {"delivered", "dropped"}


Conversations.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestConversations = Conversations.TestCase

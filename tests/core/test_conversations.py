"""Whole conversations, made up by hypothesis: whatever peers do, every offer has one outcome and nothing is left."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signalling.calling import ERRAND_SPARE_SECONDS
from signalling.codes import CloseCode, ErrorCode
from signalling.figures import OUTCOMES, TRANSPORTS
from signalling.identity import NIL_UUID
from signalling.parties import Errand
from signalling.refusals import Refusal
from signalling.sessions import Session
from tests.core.client import Client
from tests.core.scene import ANSWERER, RESUME_SECONDS, HttpCaller, Scene, identifier, new_proof
from tests.core.talker import Talker, View
from tests.core.tracewords import check_words
from tests.core.wording import ADA, ANSWER, BOB, CANDIDATE, EVE, HOME, LATER_OFFER, NOBODY, Frame

pytestmark = pytest.mark.timeout(360)  # hypothesis shrinks a conversation that fails for up to five minutes

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
    "buffer_seconds": 15,
    "posts_burst": 8,
    "posts_per_second": 1,
}
TIMEOUT = 10
SILENCE = max(TIMEOUT, LIMITS["ended_call_seconds"])
"""After so many seconds nothing waits any longer."""

sources = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
calls = st.sampled_from(CALLS)
absentees = st.runner().flatmap(lambda machine: st.sampled_from(list(machine.away)))
talkers = st.runner().flatmap(lambda machine: st.sampled_from(machine.talkers))
pairs = st.runner().flatmap(lambda machine: st.permutations(machine.talkers))
negotiating = st.sampled_from(["offer", "offer", "offer", "answer", "answer", "reject", "candidate", "hangup", "time"])
SAYINGS: dict[str, Frame] = {
    "offer": {"description": LATER_OFFER},
    "answer": {"description": ANSWER},
    "candidate": {"candidate": CANDIDATE},
    "reject": {"reason": "busy"},
    "hangup": {"reason": "done"},
    "report": {"state": "failed", "local": "host"},
}
MAY_REFUSE_A_POST = {"peer_unavailable", "identity_taken", "call_exists", "limit_exceeded", "rate_limited"}
OUTCOME_NOTES = {"call answer", "call reject", "call hangup", "call error", "offer withdrawn"}


class Conversations(RuleBasedStateMachine):
    """Peers that do anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(timeout=TIMEOUT, **LIMITS)
        self.talkers: list[Talker] = []
        """Who is welcome and has not left."""
        self.away: dict[Talker, float] = {}
        """Who has lost the connection, since when, and may resume."""
        self.gone: list[Talker] = []
        self.closed: list[Client] = []
        """Connections that the server has closed, before they are lost."""
        self.sessions: dict[Talker, Session] = {}
        self.callers: list[HttpCaller] = []
        self.admitted: set[Errand] = set()
        self.ending = "leaving"

    # Coming

    @initialize(ending=st.sampled_from(["leaving", "time", "draining"]))
    def two_are_in_a_call_and_one_is_not(self, ending: str) -> None:
        self.ending = ending
        for peer in (ADA, BOB, EVE):
            self.hello(self.scene.connect(), peer=peer)
        ada, bob, _ = self.talkers
        ada.dial(BOB, CALLS[0], BOB, trickle=True, is_elsewhere=False)
        bob.reads()
        bob.say("answer", call=CALLS[0], description=ANSWER)

    @rule(source=sources, peer=st.sampled_from([ADA, BOB, EVE.upper(), None]))
    def somebody_comes(self, source: str, peer: str | None) -> None:
        self.hello(self.scene.connect(source=source), peer=peer)

    @rule(source=sources, peer=st.sampled_from(list(PROVEN)), proof=st.sampled_from([*PROVEN.values(), None]))
    def somebody_comes_with_a_proof(self, source: str, peer: str, proof: str | None) -> None:
        client = self.scene.connect(source=source)
        self.hello(client, peer=peer, proof=proof)
        if proof != PROVEN[peer]:
            assert client.closed is not None
            assert client.welcome is None

    def hello(self, client: Client, **fields: Any) -> None:
        peer = str(fields["peer"]).lower()
        was_here = peer in self.scene.switchboard.peers
        client.hello(**fields)
        frames = client.takes()
        if client.welcome is None:
            assert client.closed is not None
            self.closed.append(client)
            return
        assert [frame["type"] for frame in frames] == ["welcome"]
        assert not was_here or PROVEN[peer] == fields["proof"], "nobody is welcome as somebody who is here"
        talker = Talker(client)
        self.talkers.append(talker)
        self.sessions[talker] = self.scene.switchboard.peers[talker.peer]

    # Calling

    @precondition(lambda self: len(self.talkers) > 1)
    @rule(pair=pairs, call=calls, trickle=st.booleans())
    def somebody_dials(self, pair: list[Talker], call: str, trickle: bool) -> None:
        caller, callee, *_ = pair
        self.dial(caller, callee, call, trickle)

    def dial(self, talker: Talker, callee: Talker, call: str, trickle: bool) -> Frame:
        to = identifier(callee.peer, HOME) if trickle else callee.peer
        reply = talker.dial(callee.peer, call, to, trickle=trickle, is_elsewhere=False)
        assert reply is not None
        self.check_delivery(talker, "offer", call, reply)
        return reply

    @precondition(lambda self: len(self.talkers) > 1)
    @rule(pair=pairs, own_call=calls, others_call=calls)
    def two_dial_each_other(self, pair: list[Talker], own_call: str, others_call: str) -> None:
        one, other, *_ = pair
        are_calling = any(view.other == other.peer and not view.answered for view in one.calls.values())
        replies = []
        for caller, callee, call in ((one, other, own_call), (other, one, others_call)):
            replies.append(self.dial(caller, callee, call, trickle=True))
            one.reads()
            other.reads()
        if not are_calling and all(reply["type"] == "ack" for reply in replies):
            smaller, larger = sorted([own_call, others_call])
            assert smaller in one.calls.keys() & other.calls.keys()
            assert larger not in one.calls.keys() | other.calls.keys()

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, call=calls, is_elsewhere=st.booleans())
    def somebody_dials_an_address_or_nobody(self, talker: Talker, call: str, is_elsewhere: bool) -> None:
        to = identifier(EVE, ANSWERER) if is_elsewhere else NOBODY
        callee = EVE if is_elsewhere else NOBODY
        reply = talker.dial(callee, call, to, trickle=True, is_elsewhere=is_elsewhere)
        if not is_elsewhere:
            assert reply is not None
            assert reply["code"] in {"peer_unavailable", "rate_limited", "call_exists", "limit_exceeded"}

    @precondition(lambda self: self.talkers)
    @rule(callee=talkers, is_here=st.booleans(), call=calls, from_=st.sampled_from([ADA, NOBODY, NIL_UUID]))
    def somebody_posts(self, callee: Talker, is_here: bool, call: str, from_: str) -> None:
        try:
            caller = self.scene.post(callee.peer, "" if is_here else ANSWERER, call=call, from_=from_)
        except Refusal as refusal:
            assert refusal.code in MAY_REFUSE_A_POST
        else:
            assert from_ not in self.scene.switchboard.peers
            self.callers.append(caller)

    @precondition(lambda self: self.callers)
    @rule(caller=st.runner().flatmap(lambda machine: st.sampled_from(machine.callers)))
    def an_http_caller_hangs_up(self, caller: HttpCaller) -> None:
        self.scene.withdraw(caller)

    @precondition(lambda self: self.scene.errands)
    @rule(
        errand=st.runner().flatmap(lambda machine: st.sampled_from(machine.scene.errands)),
        report=st.sampled_from(["admitted", "refused", "failed", "answered", "answered", "answered badly"]),
    )
    def the_forwarder_reports_even_about_what_has_ended(self, errand: Errand, report: str) -> None:
        if report == "admitted":
            self.admitted.add(errand)
            self.scene.admit(errand)
        elif report == "refused" and errand not in self.admitted:
            self.scene.refuse(errand, ErrorCode.TARGET_NOT_ALLOWED)
        elif report == "failed":
            self.scene.fail(errand)
        else:
            self.scene.reply(errand, None if report == "answered" else b"<html>")

    # In calls

    @precondition(lambda self: self.ringing())
    @rule(
        ringing=st.runner().flatmap(lambda machine: st.sampled_from(machine.ringing())),
        kind=st.sampled_from(["answer", "answer", "reject"]),
    )
    def somebody_settles_what_rings(self, ringing: tuple[Talker, str], kind: str) -> None:
        talker, call = ringing
        reply = self.say_in_call(talker, kind, call)
        assert reply.get("state") in {"delivered", "held"} or reply["code"] == "rate_limited"

    @precondition(lambda self: self.established())
    @rule(
        call=st.runner().flatmap(lambda machine: st.sampled_from(machine.established())),
        sayings=st.lists(st.tuples(st.booleans(), negotiating), min_size=1, max_size=8),
    )
    def two_negotiate(self, call: tuple[Talker, str], sayings: list[tuple[bool, str]]) -> None:
        one, call_id = call
        both = [one, *(talker for talker in self.talkers if talker.peer == one.calls[call_id].other)]
        for by_one, kind in sayings:
            if kind == "time":
                self.scene.wait(TIMEOUT / 2)
            else:
                self.say_in_call(both[0 if by_one else -1], kind, call_id)
            self.what_holds_after_every_step()
            if call_id not in one.calls or any(talker.has_left for talker in both):
                break

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, kind=st.sampled_from(list(SAYINGS)), call=calls)
    def somebody_speaks_in_any_call(self, talker: Talker, kind: str, call: str) -> None:
        self.say_in_call(talker, kind, call)

    def say_in_call(self, talker: Talker, kind: str, call: str) -> Frame:
        view = talker.calls.get(call)
        before = View(**vars(view)) if view is not None else None
        reply = talker.say(kind, call=call, **SAYINGS[kind])
        if view is not None and kind == "offer" and reply.get("state") in {"delivered", "held"}:
            view.has_open_offer, view.since = True, self.scene.now
        is_held = before is not None and not before.over_http and before.other in self.absent_peers()
        allowed = {"held" if state == "delivered" and is_held else state for state in expected(kind, before)}
        assert reply.get("state", reply.get("code")) in {*allowed, "rate_limited"}
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
        assert len(copies) == (reply.get("state") == "delivered")

    # Anything else

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers, kind=st.sampled_from(["hello", "ice_servers", "ping", "join", "misbehave", "misbehave"]))
    def somebody_says_something_else(self, talker: Talker, kind: str) -> None:
        if kind == "misbehave":
            talker.client.write("{")
            self.scene.receive_binary(talker.client)
        else:
            talker.say(kind)

    # Losing the connection

    @precondition(lambda self: self.talkers)
    @rule(talker=talkers)
    def somebody_loses_the_connection(self, talker: Talker) -> None:
        talker.reads()
        self.scene.lose(talker.client)
        self.talkers.remove(talker)
        self.away[talker] = self.scene.now

    @precondition(lambda self: self.away)
    @rule(talker=absentees)
    def somebody_comes_back(self, talker: Talker) -> None:
        client = self.scene.resume(talker.client)
        if client.welcome is None:
            assert client.closed == CloseCode.TOO_MANY_CONNECTIONS
            self.closed.append(client)
            return
        assert client.takes_welcome()["resumed"] is True
        del self.away[talker]
        talker.client = client
        self.talkers.append(talker)
        talker.reads()

    @precondition(lambda self: self.away and self.talkers)
    @rule(talker=talkers, callee=absentees, call=calls, trickle=st.booleans())
    def somebody_dials_one_who_is_away(self, talker: Talker, callee: Talker, call: str, trickle: bool) -> None:
        reply = self.dial(talker, callee, call, trickle)
        assert reply.get("state") in {"held", "done", None}

    # Leaving

    @precondition(lambda self: len(self.talkers) > 1)
    @rule(talker=talkers, says_bye=st.booleans())
    def somebody_leaves(self, talker: Talker, says_bye: bool) -> None:
        if says_bye:
            reply = talker.say("bye")
            assert reply.get("state") == "done" or reply["code"] == "rate_limited"
        if not says_bye or not talker.has_left:
            talker.reads()
            self.scene.part(talker.client)
            self.forget(talker)

    @rule(seconds=st.sampled_from([0.5, 3, 9.9, 10, 25, 61]))
    def time_passes(self, seconds: float) -> None:
        for client in self.closed:
            self.scene.lose(client)
        self.closed.clear()
        self.scene.wait(seconds)

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

    def absent_peers(self) -> set[str]:
        return {talker.peer for talker in self.away}

    def established(self) -> list[tuple[Talker, str]]:
        return [(talker, call) for talker in self.talkers for call, view in talker.calls.items() if view.answered]

    @invariant()
    def what_holds_after_every_step(self) -> None:
        self.everybody_understands_what_comes()
        self.nobody_waits_longer_to_be_resumed_than_the_window()
        self.every_accepted_offer_has_had_at_most_one_outcome()
        self.both_sides_of_the_wire_know_the_same_calls()
        self.nothing_waits_for_too_long_or_crosses()
        self.every_call_has_a_trace_that_holds_nothing_of_what_was_said()
        self.everything_is_counted_exactly_once()

    def everybody_understands_what_comes(self) -> None:
        for talker in list(self.talkers):
            talker.reads()
            if talker.client.closed == CloseCode.RATE_LIMITED:
                self.talkers.remove(talker)
                self.away[talker] = self.scene.now
            elif talker.has_left:
                self.forget(talker)
            if talker.has_left:
                self.closed.append(talker.client)

    def nobody_waits_longer_to_be_resumed_than_the_window(self) -> None:
        for talker, since in list(self.away.items()):
            if self.scene.switchboard.peers.get(talker.peer) is not self.sessions[talker]:
                del self.away[talker]
                talker.leaves()
                self.gone.append(talker)
            else:
                assert self.scene.now < since + RESUME_SECONDS

    def every_accepted_offer_has_had_at_most_one_outcome(self) -> None:
        for talker in [*self.talkers, *self.away, *self.gone]:
            assert talker.accepted == talker.outcomes.total() + talker.waiting

    def both_sides_of_the_wire_know_the_same_calls(self) -> None:
        for talker in self.talkers:
            session = talker.client.connection.session
            assert session is not None
            assert session.calls.keys() == talker.calls.keys()
            assert set(session.ringing) == {call for other, call in self.ringing() if other is talker}
        assert set(self.scene.switchboard.peers) == {talker.peer for talker in self.talkers} | self.absent_peers()

    def nothing_waits_for_too_long_or_crosses(self) -> None:
        dialled = set()
        for talker in self.talkers:
            for view in talker.calls.values():
                is_first_offer = view.is_caller and not view.answered
                patience = TIMEOUT + (ERRAND_SPARE_SECONDS if view.over_http else 0)
                assert self.scene.now < view.since + patience or not (is_first_offer or view.has_open_offer)
                if is_first_offer and not view.over_http:
                    dialled.add((talker.peer, view.other))
        assert not any((callee, caller) in dialled for caller, callee in dialled), "one of two crossing calls stays"

    def every_call_has_a_trace_that_holds_nothing_of_what_was_said(self) -> None:
        calling = self.scene.switchboard.calling
        for call in calling.open_calls:
            assert (call.trace.ended, call.trace.outcome) == (None, "answer" if call.answered else None)
        traces = calling.journal.traces()
        assert sum(trace.ended is None for trace in traces) == len(calling.open_calls)
        for trace in traces:
            assert trace.ended is None or trace.outcome in OUTCOMES
            check_words(trace)

    def everything_is_counted_exactly_once(self) -> None:
        board = self.scene.switchboard
        figures, calling = board.figures, board.calling
        ended = self.outcomes().total()
        assert sum(figures.begun.values()) == ended + sum(not call.answered for call in calling.open_calls)
        assert sum(figures.forwards.values()) == len(self.scene.errands) - len(calling.errands)
        assert figures.sessions_opened == figures.sessions_ended.total() + len(board.peers)

    def outcomes(self) -> Counter[str]:
        """How first offers have ended, as the figures say."""
        outcomes: Counter[str] = Counter()
        for transport in TRANSPORTS:
            outcomes.update(self.scene.switchboard.figures.outcomes(transport))
        return outcomes

    def teardown(self) -> None:
        self.everybody_understands_what_comes()
        if self.ending == "draining":
            self.scene.drain()
            self.everybody_understands_what_comes()
            assert not self.talkers, "everybody has been told to go"
        elif self.ending == "time":
            self.scene.wait(SILENCE)
            self.everybody_understands_what_comes()
            assert not any(talker.waiting for talker in self.talkers), "nothing waits for ever"
            assert all(caller.outcome is not None or caller.exchange.call is None for caller in self.callers)
        for talker in list(self.talkers):
            self.scene.part(talker.client)
            self.forget(talker)
            self.everybody_understands_what_comes()
        self.time_passes(RESUME_SECONDS)
        self.nobody_waits_longer_to_be_resumed_than_the_window()
        for caller in self.callers:
            self.scene.withdraw(caller)
        self.check_accounts()

    def check_accounts(self) -> None:
        """Offers = answers + rejections + hang-ups + errors, unaccounted 0, and every registry is empty."""
        assert sum(talker.accepted for talker in self.gone) == sum(talker.outcomes.total() for talker in self.gone)
        offered = Counter(note.fields["call"] for note in self.scene.notes if note.event == "call offered")
        ended = Counter(note.fields["call"] for note in self.scene.notes if note.event in OUTCOME_NOTES)
        assert offered == ended, "the log accounts for every offer too"
        self.check_figures()
        assert set(self.scene.registries().values()) == {0}
        self.scene.wait(SILENCE)
        assert self.scene.switchboard.next_deadline() is None

    def check_figures(self) -> None:
        """They say what the log says."""
        outcomes, events = self.outcomes(), Counter(note.event for note in self.scene.notes)
        assert outcomes["answer"] == events["call answer"] == sum(self.scene.switchboard.figures.answers.counts)
        assert outcomes["reject"] + outcomes["glare"] == events["call reject"]
        assert outcomes["hangup"] == events["call hangup"]
        assert outcomes["withdrawn"] == events["offer withdrawn"]
        assert outcomes["other"] == 0, "no outcome is unknown"
        resumed = self.scene.switchboard.figures.resumes["resumed"]
        assert (self.scene.switchboard.figures.sessions_opened, resumed) == (
            events["session opened"],
            events["session resumed"],
        )


def expected(kind: str, view: View | None) -> set[str]:
    """How a message in a call may be answered, as far as its sender can tell."""
    if view is None:
        return {"call_unknown", "dropped", "done"} if kind == "report" else {"call_unknown", "dropped"}
    if kind == "hangup":
        return {"done"} if view.is_caller and view.over_http else {"delivered"}
    if kind == "report":
        return {"done"} if view.answered else {"call_state"}
    if kind == "candidate":
        return {"delivered"} if view.trickle else {"call_state"}
    if not view.answered:
        return {"call_state"} if view.is_caller or kind == "offer" else {"delivered"}
    if kind != "offer":
        return {"delivered", "dropped", "call_state"}
    if view.has_open_offer:
        return {"call_state"}
    return {"delivered"} if view.is_caller else {"delivered", "dropped"}


Conversations.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, report_multiple_bugs=False
)
TestConversations = Conversations.TestCase

"""Tables under any order of events, made up by hypothesis: what each member was told is who sits where."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import count, product
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from signalling.codes import CloseCode
from tests.core.client import Client
from tests.core.scene import Scene, new_proof
from tests.core.seating import CAPACITY, GUESSES, GUESSES_SECONDS, KICK_SECONDS, LIMITS, TABLES_EACH, House
from tests.core.sitter import Sitter, TableView, normal
from tests.core.test_conversations import OUTCOME_NOTES
from tests.core.wording import ADA, BOB, EVE, OFFER, Frame

PROVEN = dict(new_proof(number) for number in (1, 2))
"""Self-certifying ids and their proofs."""
PEERS = [ADA, BOB, EVE, *PROVEN]
TABLES = ["camelot", "caf\u00e9", "cafe\u0301", "Caf\u00e9"]
"""Two of them are one."""

Seat = tuple[str, Sitter]

names = st.sampled_from([None, "Ada", "Grace"])
sources = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"])
passwords = st.sampled_from([None, None, None, "excalibur", ""])
capacities = st.sampled_from([None, None, 1, 2, 2, CAPACITY, CAPACITY + 1])
mostly = st.sampled_from([True, True, True, False])
sitters = st.runner().flatmap(lambda machine: st.sampled_from(machine.sitters))
seats = st.runner().flatmap(lambda machine: st.sampled_from(list(machine.house.seats())))
guests = st.runner().flatmap(lambda machine: st.sampled_from(list(machine.house.guests())))
outsiders = st.runner().flatmap(lambda machine: st.sampled_from(list(machine.outsiders())))
knockers = st.runner().flatmap(lambda machine: st.sampled_from(list(machine.knockers())))
banned = st.runner().flatmap(lambda machine: st.sampled_from(list(machine.banned())))


class Seatings(RuleBasedStateMachine):
    """Peers that join, leave, lock, kick and vanish at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(timeout=10, **LIMITS)
        self.house = House()
        self.sitters: list[Sitter] = []
        """Who is here, seated or not."""
        self.superseded: list[Client] = []
        self.calls = (f"00000000-0000-4000-8000-{number:012}" for number in count())
        self.steps = 0

    # Coming

    @initialize()
    def three_are_here_and_two_are_seated(self) -> None:
        for peer in (ADA, BOB, EVE):
            self.comes(peer, None, f"192.0.2.{1 + PEERS.index(peer)}")
        for sitter in self.sitters[:2]:
            self.joins(sitter, "camelot")

    @rule(peer=st.sampled_from(PEERS), name=names, source=sources)
    def somebody_comes(self, peer: str, name: str | None, source: str) -> None:
        if peer not in {sitter.peer for sitter in self.sitters}:
            self.comes(peer, name, source)

    @rule(peer=st.sampled_from(list(PROVEN)), name=names, source=sources)
    def somebody_comes_again_with_a_new_session(self, peer: str, name: str | None, source: str) -> None:
        """Though the old one may still live: that ends."""
        for sitter in [sitter for sitter in self.sitters if sitter.peer == peer]:
            self.goes(sitter)
            self.superseded.append(sitter.client)
        self.comes(peer, name, source)
        assert all(client.closed == CloseCode.SUPERSEDED for client in self.superseded)

    def comes(self, peer: str, name: str | None, source: str) -> None:
        client = self.scene.peer(peer, source=source, name=name, proof=PROVEN.get(peer))
        self.sitters.append(Sitter(client, name, source))

    # Joining

    @precondition(lambda self: any(self.outsiders()))
    @rule(outsider=outsiders, password=passwords, capacity=capacities, create=mostly)
    def somebody_joins(self, outsider: Seat, password: str | None, capacity: int | None, create: bool) -> None:
        table, sitter = outsider
        self.joins(sitter, table, password, capacity, create)

    @precondition(lambda self: any(self.knockers()))
    @rule(knocker=knockers, calls=mostly, answers=st.booleans())
    def somebody_joins_who_knows_the_password(self, knocker: Seat, calls: bool, answers: bool) -> None:
        table, sitter = knocker
        self.joins(sitter, table, self.house.tables[table].password, create=False)
        if calls and table in sitter.tables:
            self.calls_the_others(sitter, table, answers)

    @precondition(lambda self: any(self.banned()))
    @rule(banned=banned)
    def somebody_who_was_kicked_comes_back(self, banned: Seat) -> None:
        table, sitter = banned
        self.joins(sitter, table, self.house.tables[table].password)

    @precondition(lambda self: any(self.knockers()))
    @rule(knocker=knockers, times=st.sampled_from([1, 1, 1, GUESSES + 1]))
    def somebody_guesses_the_password(self, knocker: Seat, times: int) -> None:
        table, sitter = knocker
        for _ in range(times):
            self.joins(sitter, table, "Excalibur")

    def joins(
        self,
        sitter: Sitter,
        table: str,
        password: str | None = None,
        capacity: int | None = None,
        create: bool = True,
    ) -> None:
        """Asks for a seat, and gets it exactly if the contract says so."""
        name, now = normal(table), self.scene.now
        refusal = self.house.refusal_of_join(sitter, name, password, capacity, create, now)
        reply = sitter.say("join", table=table, password=password, capacity=capacity, create=create)
        if refusal is not None:
            assert (reply["code"], reply.get("retry_after")) == refusal
            if reply["code"] == "table_password":
                self.house.count_guess(sitter.source, name, now)
        else:
            assert reply["opened"] == (name not in self.house.tables)
            self.house.seat(sitter, name, password, capacity)

    def calls_the_others(self, sitter: Sitter, table: str, answers: bool) -> None:
        """The newcomer calls each peer who was listed to it."""
        for peer in [peer for peer in sitter.tables[table].members if peer != sitter.peer]:
            reply = sitter.say("offer", call=next(self.calls), to=peer, table=table, description=OFFER)
            assert reply.get("state") in {"delivered", "done"}  # the latter when it sat there before and glare came
        for other in self.house.tables[table].members if answers else []:
            other.reads()
            other.answers()

    # Leaving

    @precondition(lambda self: self.house.tables)
    @rule(seat=seats, form=st.sampled_from(["NFC", "NFD"]))
    def a_member_leaves(self, seat: Seat, form: Literal["NFC", "NFD"]) -> None:
        table, sitter = seat
        remaining = [(other, other.calls_but_with(sitter, table)) for other in self.sitters]
        assert sitter.say("leave", table=unicodedata.normalize(form, table))["state"] == "done"
        self.house.give_up(table, sitter)
        for other, calls in remaining:
            other.reads()
            assert set(other.calls) == calls

    @precondition(lambda self: self.sitters)
    @rule(sitter=sitters, says_bye=st.booleans())
    def somebody_vanishes(self, sitter: Sitter, says_bye: bool) -> None:
        if says_bye:
            assert sitter.say("bye")["state"] == "done"
        self.scene.part(sitter.client)
        self.goes(sitter)

    def goes(self, sitter: Sitter) -> None:
        """Its session has ended."""
        self.sitters.remove(sitter)
        self.house.desert(sitter)

    # Hosting

    @precondition(lambda self: self.house.tables)
    @rule(seat=seats, locked=mostly)
    def a_member_locks(self, seat: Seat, locked: bool) -> None:
        table, sitter = seat
        reply = sitter.say("lock", table=table, locked=locked)
        if sitter is not self.house.tables[table].host:
            assert reply["code"] == "not_host"
        else:
            assert reply["state"] == "done"
            self.house.tables[table].locked = locked

    @precondition(lambda self: any(self.house.guests()))
    @rule(seat=guests | seats)
    def a_host_kicks(self, seat: Seat) -> None:
        table, sitter = seat
        host = self.house.tables[table].host
        remaining = [(other, other.calls_but_with(sitter, table)) for other in self.sitters]
        reply = host.say("kick", table=table, peer=sitter.peer)
        if sitter is host:
            assert reply["code"] == "bad_peer"
            return
        assert reply["state"] == "done"
        self.house.kick(table, sitter, self.scene.now)
        for other, calls in remaining:
            other.reads()
            assert set(other.calls) == calls

    # What nobody may

    @precondition(lambda self: self.house.tables and any(self.outsiders()))
    @rule(one=seats | outsiders, other=sitters, kind=st.sampled_from(["join", "leave", "lock", "kick", "offer"]))
    def somebody_tries_what_nobody_may(self, one: Seat, other: Sitter, kind: str) -> None:
        table, sitter = one
        fields: dict[str, Frame] = {
            "lock": {"locked": True},
            "kick": {"peer": other.peer},
            "offer": {"to": other.peer, "call": next(self.calls), "description": OFFER},
        }
        refusal = self.house.refusal_of(kind, sitter, other, normal(table))
        if refusal is not None:
            assert sitter.say(kind, table=table, **fields.get(kind, {}))["code"] == refusal

    @rule(seconds=st.sampled_from([0.25, 3, 3, KICK_SECONDS - 0.25, GUESSES_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.scene.wait(seconds)

    # Who might

    def outsiders(self) -> Iterator[Seat]:
        """Who does not sit where."""
        pairs = product(TABLES, self.sitters)
        return ((table, sitter) for table, sitter in pairs if normal(table) not in sitter.tables)

    def knockers(self) -> Iterator[Seat]:
        """Those of them who find the table open."""
        return ((table, sitter) for table, sitter in self.outsiders() if table in self.house.tables)

    def banned(self) -> Iterator[Seat]:
        """Those of them who were sent away from there."""
        return (seat for seat in self.knockers() if self.is_banned(*seat))

    def is_banned(self, table: str, sitter: Sitter) -> bool:
        return self.house.tables[table].bans(sitter, self.scene.now)

    # What holds at any time

    @invariant()
    def what_holds_after_every_step(self) -> None:
        self.steps += 1
        for sitter in self.sitters:
            sitter.reads()
            self.it_was_told_who_sits_where(sitter)
            self.it_was_told_of_its_calls(sitter)
        self.no_seat_is_one_too_many()

    def it_was_told_who_sits_where(self, sitter: Sitter) -> None:
        tables = {table: self.house.tables[table] for table, member in self.house.seats() if member is sitter}
        told = {table: in_order(view) for table, view in sitter.tables.items()}
        assert told == {table: in_order(seating.as_told()) for table, seating in tables.items()}

    def it_was_told_of_its_calls(self, sitter: Sitter) -> None:
        session = sitter.client.connection.session
        assert session is not None
        assert session.calls.keys() == sitter.calls.keys()

    def no_seat_is_one_too_many(self) -> None:
        assert self.scene.switchboard.tables.open_tables.keys() == self.house.tables.keys()
        for table in self.house.tables.values():
            assert 1 <= len(table.members) <= table.capacity
        for sitter in self.sitters:
            assert len(sitter.tables) <= TABLES_EACH
            assert not [table for table in sitter.tables if self.is_banned(table, sitter)]

    def teardown(self) -> None:
        drains = self.steps % 2
        if drains:
            self.scene.drain()
            assert all(sitter.client.closed == CloseCode.DRAINING for sitter in self.sitters)
        for sitter in list(self.sitters):
            self.scene.part(sitter.client)
            self.goes(sitter)
            if not drains:
                self.what_holds_after_every_step()
        for client in self.superseded:
            self.scene.lose(client)
        assert set(self.scene.registries().values()) == {0}
        offered = [note.fields["call"] for note in self.scene.notes if note.event == "call offered"]
        ended = [note.fields["call"] for note in self.scene.notes if note.event in OUTCOME_NOTES]
        assert sorted(ended) == offered, "the log accounts for every offer"


def in_order(view: TableView) -> tuple[list[tuple[str, str | None]], Frame]:
    """The view, comparable with the order in which seats were taken."""
    return list(view.members.items()), vars(view)


Seatings.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestSeatings = Seatings.TestCase

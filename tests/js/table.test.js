// Tables: who calls whom, who sits there, and what is left of it after a restart of the server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Table } from "../../signalling/static/signalling/roundtable.js";
import { ADA, FakeStream, GRACE, heard, LINUS, redialled, setUpPhone, settled, welcome } from "./fakes.js";

const OFFER = { type: "offer", sdp: "v=0\r\n" };
const ANSWER = { type: "answer", sdp: "v=0\r\n" };

/** Ada at a table: with the numbers of the frames that she gets, which begin anew in each session. */
async function atTable({ options = {}, ...fields } = {}) {
  const world = await setUpPhone();
  const table = new Table(world.phone, "camelot", { stream: new FakeStream(), ...options });
  const here = {
    ...world,
    table,
    seq: 0,
    calls: heard(table, "call"),
    left: heard(table, "left"),
    departures: heard(table, "peer_left"),
  };
  here.frame = (type, more) => ({ type, seq: ++here.seq, table: "camelot", ...more });
  const seated = table.join();
  await settled();
  await joined(here, fields);
  await seated;
  return here;
}

async function joined({ socket, frame }, fields = {}) {
  const { id } = socket().last("join");
  const facts = { peers: [], host: ADA, opened: true, protected: false, locked: false, capacity: 8, ...fields };
  await socket().say(frame("joined", { id, ...facts }));
}

async function answered({ socket, frame, connections }, call) {
  await socket().say(frame("answer", { call: call.id, from: call.peer, description: ANSWER }));
  const connection = connections.find((candidate) => candidate === call.connection);
  connection.become("connected");
  await settled();
}

const grace = { peer: GRACE, name: "Grace" };
const linus = { peer: LINUS, name: "Linus" };
const offerOf = (peer, id, more = {}) => ({
  call: id,
  from: peer,
  description: OFFER,
  polite: true,
  trickle: true,
  expires: 30,
  ...more,
});

/** The server restarts: a new session, and the join of it is sent. */
async function restart(here) {
  await here.socket().end(1006);
  await redialled(here);
  await here.socket().open();
  here.seq = 0;
  await here.socket().say(welcome());
}

/** The server refuses the last message of this type. */
async function refused({ socket, frame }, about, code, more = {}) {
  const { id, call } = socket().last(about);
  await socket().say(frame("error", { id, about, call, code, message: "no", ...more }));
}

test("a table that one joins while the server is restarted is asked for a seat again", async () => {
  const world = await setUpPhone();
  const here = { ...world, seq: 0, frame: (type, more) => ({ type, seq: ++here.seq, table: "camelot", ...more }) };
  const table = new Table(world.phone, "camelot", { password: "excalibur" });
  const seated = table.join();
  await settled();
  await restart(here);
  assert.equal(here.socket().last("join").password, "excalibur");
  await joined(here);
  await seated;
  assert.ok(table.seated);
  assert.equal(here.socket().all("join").length, 1);
});

test("joining says which table, and how it is to be", async () => {
  const { socket, table } = await atTable({
    options: { password: "excalibur", capacity: 5, create: false },
    protected: true,
    capacity: 5,
  });
  const { id, ...join } = socket().last("join");
  assert.deepEqual(join, { type: "join", table: "camelot", password: "excalibur", capacity: 5, create: false });
  assert.deepEqual(
    [table.seated, table.isHost, table.protected, table.locked, table.capacity],
    [true, true, true, false, 5],
  );
});

test("a table's name is normalised, as the server does", async () => {
  const { phone } = await setUpPhone();
  assert.equal(new Table(phone, "cafe\u0301").name, "caf\u00e9");
});

for (const code of ["table_full", "table_locked", "table_password", "table_unknown", "forbidden"]) {
  test(`a refusal says why: ${code}`, async () => {
    const { phone, socket } = await setUpPhone();
    const table = new Table(phone, "camelot");
    const left = heard(table, "left");
    const outcome = assert.rejects(table.join(), { code, retryAfter: 600 });
    await settled();
    await socket().say({
      type: "error",
      seq: 1,
      id: socket().last("join").id,
      about: "join",
      code,
      message: "no",
      retry_after: 600,
    });
    await outcome;
    assert.equal(table.seated, false);
    await socket().say({ type: "peer_joined", seq: 2, table: "camelot", ...grace });
    assert.equal(table.peers.size, 0);
    assert.deepEqual(left, [], "who never sat down does not get up");
  });
}

test("after a refusal one may try again", async () => {
  const { phone, socket } = await setUpPhone();
  const table = new Table(phone, "camelot");
  const outcome = assert.rejects(table.join(), { code: "table_locked" });
  await settled();
  await socket().say({
    type: "error",
    seq: 1,
    id: socket().last("join").id,
    about: "join",
    code: "table_locked",
    message: "no",
  });
  await outcome;
  const seated = table.join();
  await settled();
  await socket().say({
    type: "joined",
    seq: 2,
    id: socket().last("join").id,
    table: "camelot",
    peers: [],
    host: ADA,
    locked: false,
    capacity: 8,
  });
  await seated;
  assert.equal(table.seated, true);
});

test("the newcomer calls each peer who sits there, once", async () => {
  const { socket, table, calls } = await atTable({ peers: [grace, linus], host: GRACE });
  assert.deepEqual(
    socket()
      .all("offer")
      .map(({ to, table: name }) => [to, name]),
    [
      [GRACE, "camelot"],
      [LINUS, "camelot"],
    ],
  );
  assert.deepEqual([...table.peers.keys()], [GRACE, LINUS]);
  assert.deepEqual(
    calls.map(({ name }) => name),
    ["Grace", "Linus"],
  );
  assert.equal(table.isHost, false);
});

test("who comes later calls us, and is answered with our stream", async () => {
  const { socket, frame, table, calls, phone, connections } = await atTable();
  const incoming = heard(phone, "incoming");
  const arrivals = heard(table, "peer_joined");
  await socket().say(frame("peer_joined", grace), frame("offer", offerOf(GRACE, "c1")));
  assert.equal(socket().all("offer").length, 0);
  assert.equal(socket().last("answer").call, "c1");
  assert.equal(connections[0].tracks[0], table.stream.tracks[0]);
  assert.deepEqual(
    arrivals.map(({ peer }) => peer),
    [GRACE],
  );
  assert.equal(calls[0].call.id, "c1");
  assert.deepEqual(incoming, [], "the table answers, and not the page");
});

test("an offer for a table where we do not sit is rejected", async () => {
  const { socket, phone } = await setUpPhone();
  const incoming = heard(phone, "incoming");
  await socket().say({ type: "offer", seq: 1, table: "elsewhere", ...offerOf(GRACE, "c1") });
  assert.equal(socket().last("reject").call, "c1");
  assert.deepEqual(incoming, []);
});

test("what happens at another table does not matter", async () => {
  const { socket, frame, table } = await atTable();
  await socket().say(frame("peer_joined", { ...grace, table: "elsewhere" }));
  assert.equal(table.peers.size, 0);
});

for (const reason of ["left", "kicked", "bye", "disconnected"]) {
  test(`who leaves is no longer called: ${reason}`, async () => {
    const here = await atTable({ peers: [grace] });
    const { call } = here.table.peers.get(GRACE);
    await answered(here, call);
    await here.socket().say(here.frame("peer_left", { peer: GRACE, reason }));
    assert.deepEqual(here.departures, [{ peer: GRACE, name: "Grace", reason }]);
    assert.equal(call.state, "ended");
    assert.equal(here.table.peers.size, 0);
  });
}

test("the host and the lock are known to all", async () => {
  const { socket, frame, table } = await atTable({ peers: [grace], host: GRACE });
  const changes = heard(table, "change");
  await socket().say(frame("table", { host: ADA, locked: true, capacity: 8 }));
  assert.deepEqual([table.host, table.isHost, table.locked], [ADA, true, true]);
  assert.equal(changes.length, 1);
});

test("the host locks and kicks", async () => {
  const { socket, frame, table } = await atTable({ peers: [grace] });
  const locked = table.lock();
  const kicked = assert.rejects(table.kick(GRACE), { code: "not_host" });
  const [{ id: first, ...lock }, { id: second, ...kick }] = [socket().last("lock"), socket().last("kick")];
  assert.deepEqual(lock, { type: "lock", table: "camelot", locked: true });
  assert.deepEqual(kick, { type: "kick", table: "camelot", peer: GRACE });
  await socket().say(
    frame("ack", { id: first, state: "done" }),
    frame("error", { id: second, about: "kick", code: "not_host", message: "no" }),
  );
  await locked;
  await kicked;
});

test("leaving hangs up with everybody, then gets up", async () => {
  const here = await atTable({ peers: [grace, linus] });
  await answered(here, here.table.peers.get(GRACE).call);
  const gone = here.table.leave();
  assert.deepEqual(
    here
      .socket()
      .sent.slice(-3)
      .map(({ type }) => type),
    ["hangup", "hangup", "leave"],
  );
  await here.socket().say(here.frame("ack", { id: here.socket().last("leave").id, state: "done" }));
  await gone;
  assert.deepEqual(here.left, [{ reason: "left", error: null }]);
  assert.equal(here.phone.calls.size, 0);
  await here.socket().say(here.frame("offer", offerOf(GRACE, "c9")));
  assert.equal(here.socket().last("reject").call, "c9");
  await restart(here);
  assert.equal(here.socket().all("join").length, 0, "who left does not come back");
});

test("one may sit down again after leaving, but not twice", async () => {
  const here = await atTable({ peers: [grace] });
  await assert.rejects(here.table.join(), { name: "InvalidStateError" });
  const gone = here.table.leave();
  await here.socket().say(here.frame("ack", { id: here.socket().last("leave").id, state: "done" }));
  await gone;
  assert.equal(here.table.peers.size, 0);
  const seated = here.table.join();
  await settled();
  await joined(here, { peers: [linus] });
  await seated;
  assert.deepEqual([...here.table.peers.keys()], [LINUS]);
  await here.socket().say(here.frame("peer_left", { peer: LINUS, reason: "left" }));
  assert.equal(here.departures.length, 1);
});

test("who is kicked is told, and called no more", async () => {
  const here = await atTable({ peers: [grace], host: GRACE });
  await answered(here, here.table.peers.get(GRACE).call);
  await here.socket().say(here.frame("peer_left", { peer: ADA, reason: "kicked" }));
  assert.deepEqual(here.left, [{ reason: "kicked", error: null }]);
  assert.equal(here.table.seated, false);
  assert.equal(here.phone.calls.size, 0);
});

test("a microphone is muted for the whole table", async () => {
  const { table } = await atTable({ peers: [grace] });
  table.mute();
  assert.equal(table.muted, true);
  assert.equal(table.peers.get(GRACE).call.muted, true);
  table.unmute();
  assert.equal(table.muted, false);
});

// After a restart of the server

test("it joins again as before, and calls nobody with whom the connection works", async () => {
  const here = await atTable({ options: { password: "excalibur" }, peers: [grace, linus], capacity: 8 });
  const [kept, lost] = [here.table.peers.get(GRACE).call, here.table.peers.get(LINUS).call];
  await answered(here, kept);
  await restart(here);
  const { id, ...join } = here.socket().last("join");
  assert.deepEqual(join, { type: "join", table: "camelot", password: "excalibur", capacity: 8 });
  await joined(here, { peers: [grace, linus] });
  assert.deepEqual(
    here
      .socket()
      .all("offer")
      .map(({ to }) => to),
    [LINUS],
  );
  assert.equal(kept.state, "connected");
  assert.equal(lost.state, "ended");
  assert.equal(here.table.peers.get(GRACE).call, kept);
  assert.deepEqual(here.departures, []);
});

test("a call that has just stopped working is not made before the seat is had again", async () => {
  const here = await atTable({ peers: [grace] });
  const { call } = here.table.peers.get(GRACE);
  await answered(here, call);
  call.connection.become("disconnected");
  await restart(here);
  assert.equal(here.socket().all("offer").length, 0);
  await joined(here, { peers: [grace] });
  assert.equal(here.socket().all("offer").length, 1);
});

test("a server that drains is joined again when it is back", async () => {
  const here = await atTable();
  await restart(here);
  const { id } = here.socket().last("join");
  await here
    .socket()
    .say(here.frame("error", { id, about: "join", code: "draining", message: "later", retry_after: 1 }));
  await restart(here);
  await joined(here);
  assert.deepEqual(here.left, []);
});

test("the first to be back keeps those who are on their way", async () => {
  const here = await atTable({ peers: [grace, linus] });
  const arrivals = heard(here.table, "peer_joined");
  const { call } = here.table.peers.get(GRACE);
  await answered(here, call);
  await restart(here);
  await joined(here, { peers: [] });
  assert.equal(here.table.peers.get(GRACE).away, true);
  assert.deepEqual(
    here.departures.map(({ peer }) => peer),
    [LINUS],
    "with whom there was no connection",
  );
  await here.socket().say(here.frame("peer_joined", grace));
  assert.equal(here.table.peers.get(GRACE).away, false);
  assert.equal(here.table.peers.get(GRACE).call, call);
  assert.deepEqual(arrivals, [], "nobody came whom we did not hear already");
});

test("who does not come back leaves when the connection ends", async () => {
  const here = await atTable({ peers: [grace] });
  const { call } = here.table.peers.get(GRACE);
  await answered(here, call);
  await here
    .socket()
    .say(
      here.frame("hangup", { call: call.id, from: GRACE, reason: "gone" }),
      here.frame("peer_left", { peer: GRACE, reason: "gone" }),
    );
  assert.equal(here.table.peers.get(GRACE).away, true);
  call.connection.become("failed");
  await settled();
  const { id, table } = here.socket().last("offer");
  assert.equal(table, "camelot");
  await here
    .socket()
    .say(here.frame("error", { id, about: "offer", call: call.id, code: "peer_unavailable", message: "not here" }));
  assert.deepEqual(
    here.departures.map(({ peer }) => peer),
    [GRACE],
  );
  assert.equal(here.table.peers.size, 0);
});

test("who reloaded its page calls anew, and the old call ends", async () => {
  const here = await atTable({ peers: [grace] });
  const { call } = here.table.peers.get(GRACE);
  await answered(here, call);
  await here
    .socket()
    .say(
      here.frame("hangup", { call: call.id, from: GRACE, reason: "gone" }),
      here.frame("peer_left", { peer: GRACE, reason: "gone" }),
      here.frame("peer_joined", grace),
      here.frame("offer", offerOf(GRACE, "c2")),
    );
  assert.equal(call.state, "ended");
  assert.equal(here.table.peers.get(GRACE).call.id, "c2");
  assert.equal(here.socket().last("answer").call, "c2");
  assert.deepEqual(here.departures, []);
});

test("a call that worked and has failed is made again, once", async () => {
  const here = await atTable({ peers: [grace] });
  const { call } = here.table.peers.get(GRACE);
  await answered(here, call);
  await restart(here);
  await joined(here, { peers: [grace] });
  call.connection.become("failed");
  await settled();
  assert.equal(here.socket().last("offer").call, call.id, "first it is opened anew");
  await here.socket().say(here.frame("reject", { call: call.id, from: GRACE, reason: "declined" }));
  const again = here.socket().last("offer");
  assert.notEqual(again.call, call.id);
  assert.equal(again.to, GRACE);
  await here.socket().say(here.frame("reject", { call: again.call, from: GRACE, reason: "declined" }));
  assert.equal(here.socket().last("offer"), again);
  assert.equal(here.table.peers.get(GRACE).call, null);
});

test("when both call again, the smaller id stays", async () => {
  const here = await atTable({ peers: [grace] });
  const { id } = here.table.peers.get(GRACE).call;
  const larger = "ffffffff-ffff-4fff-8fff-ffffffffffff";
  const smaller = "00000000-0000-4000-8000-000000000000";
  await here.socket().say(here.frame("offer", offerOf(GRACE, larger)));
  assert.deepEqual(here.socket().last("reject"), { type: "reject", call: larger, reason: "glare" });
  assert.equal(here.table.peers.get(GRACE).call.id, id);
  await here.socket().say(here.frame("offer", offerOf(GRACE, smaller)));
  assert.equal(here.socket().last("answer").call, smaller);
  assert.equal(here.table.peers.get(GRACE).call.id, smaller);
});

test("a seat that is not to be had again is lost", async () => {
  const here = await atTable({ peers: [grace] });
  await answered(here, here.table.peers.get(GRACE).call);
  await restart(here);
  await here
    .socket()
    .say(
      here.frame("error", { id: here.socket().last("join").id, about: "join", code: "table_password", message: "no" }),
    );
  assert.deepEqual(
    here.left.map(({ reason, error }) => [reason, error.code]),
    [["table_password", "table_password"]],
  );
  assert.equal(here.phone.calls.size, 0);
});

test("a seat that is forbidden is lost, whoever we hear", async () => {
  const here = await atTable({ peers: [grace] });
  await answered(here, here.table.peers.get(GRACE).call);
  await restart(here);
  await refused(here, "join", "forbidden");
  assert.equal(here.left[0].reason, "forbidden");
  assert.equal(here.phone.calls.size, 0);
});

for (const code of ["table_locked", "table_full"]) {
  test(`whom we hear stays while our seat is asked for: ${code}`, async () => {
    const here = await atTable({ peers: [grace, linus] });
    const { call } = here.table.peers.get(GRACE);
    await answered(here, call);
    await restart(here);
    for (const [joins, seconds] of [1, 2, 4].entries()) {
      await refused(here, "join", code);
      assert.equal(here.table.peers.get(GRACE).away, true);
      await here.clock.pass(seconds * 1000 - 1);
      assert.equal(here.socket().all("join").length, joins + 1, "not before its time");
      await here.clock.pass(1);
      assert.equal(here.socket().all("join").length, joins + 2);
    }
    assert.deepEqual([...here.table.peers.keys()], [GRACE]);
    await joined(here, { peers: [grace] });
    assert.equal(here.table.peers.get(GRACE).call, call);
    assert.equal(here.table.peers.get(GRACE).away, false);
    assert.equal(call.state, "connected");
    assert.deepEqual(here.left, []);
  });

  test(`without anybody whom we hear, the seat is lost: ${code}`, async () => {
    const here = await atTable({ peers: [grace] });
    await restart(here);
    await refused(here, "join", code);
    assert.equal(here.left[0].error.code, code);
  });
}

test("a seat that is asked for is lost with the last whom we hear", async () => {
  const here = await atTable({ peers: [grace] });
  const { call } = here.table.peers.get(GRACE);
  await answered(here, call);
  await restart(here);
  await refused(here, "join", "table_full", { retry_after: 20 });
  assert.deepEqual(here.left, []);
  call.hangup();
  assert.equal(here.left[0].reason, "table_full");
  await here.clock.pass(21_000);
  assert.equal(here.socket().all("join").length, 1);
});

test("a first offer that came too fast is made again, once, when the server says", async () => {
  const here = await atTable({ peers: [grace] });
  await refused(here, "offer", "rate_limited", { retry_after: 3 });
  await here.clock.pass(2_999);
  assert.equal(here.socket().all("offer").length, 1);
  await here.clock.pass(1);
  assert.equal(here.socket().all("offer").length, 2);
  await refused(here, "offer", "rate_limited", { retry_after: 3 });
  await here.clock.pass(10_000);
  assert.equal(here.socket().all("offer").length, 2);
  assert.equal(here.table.peers.get(GRACE).call, null);
});

test("who left meanwhile is not called again", async () => {
  const here = await atTable({ peers: [grace] });
  await refused(here, "offer", "rate_limited", { retry_after: 3 });
  await here.socket().say(here.frame("peer_left", { peer: GRACE, reason: "left" }));
  await here.clock.pass(4_000);
  assert.equal(here.socket().all("offer").length, 1);
});

test("a join that came too fast is repeated", async () => {
  const here = await atTable();
  await restart(here);
  const { id } = here.socket().last("join");
  await here
    .socket()
    .say(here.frame("error", { id, about: "join", code: "rate_limited", message: "slowly", retry_after: 3 }));
  await here.clock.pass(3_999); // and the jitter
  assert.equal(here.socket().all("join").length, 1);
  await here.clock.pass(1);
  assert.equal(here.socket().all("join").length, 2);
});

test("a restart during a restart is survived", async () => {
  const here = await atTable();
  await restart(here);
  await restart(here);
  await joined(here);
  assert.deepEqual(here.left, []);
  assert.equal(here.table.seated, true);
});

test("who leaves while it joins again is not seated", async () => {
  const here = await atTable({ peers: [grace] });
  await restart(here);
  const gone = here.table.leave();
  await joined(here, { peers: [grace] });
  await here.socket().say(here.frame("ack", { id: here.socket().last("leave").id, state: "done" }));
  await gone;
  assert.equal(here.table.seated, false);
  assert.equal(here.socket().all("offer").length, 0);
});

test("a server that wants us no more ends it", async () => {
  const here = await atTable();
  await here.socket().end(4503);
  assert.deepEqual(
    here.left.map(({ reason, error }) => [reason, error.code]),
    [["closed", "disconnected"]],
  );
});

test("a table that the operator closes is left, and not sat down at again", async () => {
  const here = await atTable({ peers: [grace] });
  await here.socket().say(here.frame("peer_left", { table: "camelot", peer: here.signalling.peer, reason: "kicked" }));
  assert.deepEqual(
    here.left.map(({ reason }) => reason),
    ["kicked"],
  );
  await here.clock.pass(10_000);
  assert.equal(here.socket().all("join").length, 1);
  assert.equal(here.signalling.state, "connected");
});

test("leaving without a connection is leaving", async () => {
  const here = await atTable();
  await here.socket().end(1006);
  const gone = here.table.leave();
  await here.clock.pass(1_000);
  await here.socket().open();
  await here.socket().say(welcome());
  await gone;
  assert.equal(here.left.length, 1);
});

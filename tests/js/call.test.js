// Calls: perfect negotiation, trickle, what happens when the signalling or the path is lost, and one outcome for each.

import assert from "node:assert/strict";
import { test } from "node:test";

import { candidate, FakeStream, GRACE, heard, identifier, LINUS, setUpPhone, settled, welcome } from "./fakes.js";

globalThis.MediaStream ??= class extends FakeStream {
  constructor(tracks = []) {
    super();
    this.tracks = tracks;
  }
};

const CALL = "5a0c1f5e-3f0b-4d51-9c1d-6c2f5c0d7a11";
const OFFER = { type: "offer", sdp: "v=0\r\na=ice-ufrag:first\r\n" };
const ANSWER = { type: "answer", sdp: "v=0\r\na=ice-ufrag:theirs\r\n" };

let seq = 0;
const frame = (type, fields) => ({ type, seq: ++seq, ...fields });
const offered = (fields) =>
  frame("offer", {
    call: CALL,
    from: GRACE,
    name: "Grace",
    description: OFFER,
    polite: true,
    trickle: true,
    expires: 30,
    ...fields,
  });

/** A peer that has dialled Grace. */
async function dialled({ to = GRACE, stream = new FakeStream() } = {}) {
  const world = await setUpPhone();
  const call = world.phone.dial(to, { stream });
  await settled();
  return { ...world, call, connection: world.connections[0], ended: heard(call, "ended") };
}

/** The same after her answer, with a path found. */
async function connected() {
  const world = await dialled();
  const { call, connection, socket } = world;
  const { id } = socket().last("offer");
  await socket().say(
    frame("ack", { id, state: "delivered" }),
    frame("answer", { call: call.id, from: GRACE, description: ANSWER }),
  );
  connection.become("connecting");
  connection.become("connected");
  return world;
}

/** A peer that Grace calls. */
async function called(fields = {}) {
  const world = await setUpPhone();
  const incoming = heard(world.phone, "incoming");
  await world.socket().say(offered(fields));
  const [call] = incoming;
  return { ...world, call, ended: heard(call, "ended") };
}

/** The same, accepted, with a path found. */
async function accepted(fields = {}) {
  const world = await called(fields);
  world.call.accept(new FakeStream());
  await settled();
  const [connection] = world.connections;
  connection.become("connected");
  return { ...world, connection };
}

async function newSession({ socket, clock }) {
  await socket().end(1006);
  await clock.pass(1_000);
  await socket().open();
  await socket().say(welcome());
}

// Calling

test("dialling offers our stream to the peer", async () => {
  const { call, connection, socket } = await dialled();
  const { id, ...offer } = socket().last("offer");
  assert.deepEqual(offer, {
    type: "offer",
    call: call.id,
    to: GRACE,
    trickle: true,
    description: { type: "offer", sdp: "v=0\r\noffer 1\r\n" },
  });
  assert.equal(typeof id, "string");
  assert.equal(connection.tracks.length, 1);
  assert.equal(connection.transceivers.length, 0);
  assert.deepEqual(connection.configuration.iceServers, [{ urls: ["stun:127.0.0.1"] }]);
  assert.equal(call.state, "ringing");
});

test("without a stream we offer to listen", async () => {
  const { connection } = await dialled({ stream: null });
  assert.deepEqual(connection.transceivers, [{ kind: "audio", direction: "recvonly" }]);
});

test("a call goes from ringing over connecting to connected", async () => {
  const { call, connection, socket } = await dialled();
  const states = heard(call, "state");
  await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
  connection.become("connecting");
  connection.become("connected");
  call.hangup();
  assert.deepEqual(
    states.map(({ state }) => state),
    ["connecting", "connected", "ended"],
  );
});

test("negotiation that is needed before the answer makes no second offer", async () => {
  const { connection, socket } = await dialled();
  connection.needNegotiation();
  await settled();
  assert.equal(socket().all("offer").length, 1);
});

for (const [outcome, reason, code] of [
  [(call) => frame("reject", { call, from: GRACE, reason: "busy" }), "busy", "rejected"],
  [(call) => frame("hangup", { call, from: GRACE, reason: "done" }), "done", undefined],
  [(call) => frame("error", { call, code: "answer_timeout", message: "late" }), "answer_timeout", "answer_timeout"],
  [(call) => frame("error", { call, code: "peer_gone", reason: "gone", message: "left" }), "peer_gone", "peer_gone"],
]) {
  test(`an offer that ends in ${reason} has that one outcome`, async () => {
    const { call, connection, socket, phone, ended } = await dialled();
    await socket().say(outcome(call.id), outcome(call.id));
    assert.deepEqual(
      ended.map((end) => [end.reason, end.local, end.error?.code]),
      [[reason, false, code]],
    );
    assert.ok(connection.closed);
    assert.equal(phone.calls.size, 0);
    assert.equal(socket().all("hangup").length, 0, "nobody is left to be told");
  });
}

test("an offer that is refused has that outcome", async () => {
  const { socket, ended } = await dialled();
  const { id, call } = socket().last("offer");
  await socket().say(
    frame("error", { id, about: "offer", call, code: "peer_unavailable", message: "not here", retry_after: 5 }),
  );
  assert.equal(ended[0].reason, "peer_unavailable");
  assert.equal(ended[0].error.retryAfter, 5);
});

test("a refusal of another message in a call is not its outcome", async () => {
  const { call, socket, ended } = await dialled();
  await socket().say(frame("error", { about: "candidate", call: call.id, code: "rate_limited", message: "slowly" }));
  assert.deepEqual(ended, []);
});

test("hanging up before the answer withdraws the offer", async () => {
  const { call, socket, ended } = await dialled();
  call.hangup();
  call.hangup();
  assert.deepEqual(socket().all("hangup"), [{ type: "hangup", call: call.id, reason: "done" }]);
  assert.deepEqual(ended, [{ reason: "done", local: true, error: null }]);
});

test("an answer that cannot be set ends the call", async () => {
  const { call, connection, socket, ended } = await dialled();
  connection.rejects = new Error("bad SDP");
  await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
  assert.equal(ended[0].reason, "failed");
  assert.equal(ended[0].error.message, "bad SDP");
  assert.equal(socket().last("hangup").reason, "failed");
});

test("an identifier of another server gets a complete offer, once all candidates are gathered", async () => {
  const { call, connection, socket } = await dialled({ to: identifier(GRACE, "http://192.0.2.7:1067") });
  assert.equal(socket().all("offer").length, 0);
  connection.gather(candidate(1), null);
  connection.finishGathering();
  await settled();
  const offer = socket().last("offer");
  assert.equal(offer.trickle, false);
  assert.match(offer.description.sdp, /a=candidate/);
  await socket().say(frame("ack", { id: offer.id, state: "done", trickle: false }));
  await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
  assert.equal(call.state, "connecting");
  assert.equal(socket().all("candidate").length, 0);
});

test("gathering is waited for, but not for ever", async () => {
  const { clock, socket } = await dialled({ to: identifier(GRACE, "http://192.0.2.7:1067") });
  await clock.pass(5_000);
  assert.equal(socket().all("offer").length, 1);
});

test("an identifier of our own server is called like a UUID", async () => {
  const { call, socket } = await dialled({ to: identifier(GRACE.toUpperCase(), "http://127.0.0.1:1066/") });
  assert.equal(socket().last("offer").trickle, true);
  assert.equal(call.peer, GRACE);
});

// Being called

test("an offer that nobody has asked for is an incoming call", async () => {
  const { call, connections } = await called();
  assert.deepEqual([call.id, call.peer, call.name, call.incoming, call.state], [CALL, GRACE, "Grace", true, "ringing"]);
  assert.equal(connections.length, 0, "nothing is gathered for strangers");
});

test("accepting answers with our stream", async () => {
  const { call, connections, socket } = await called();
  call.accept(new FakeStream());
  await settled();
  assert.deepEqual(connections[0].log, ["remote offer", "answer"]);
  assert.equal(connections[0].tracks.length, 1);
  const { id, ...answer } = socket().last("answer");
  assert.deepEqual(answer, { type: "answer", call: CALL, description: { type: "answer", sdp: "v=0\r\nanswer\r\n" } });
  assert.equal(call.state, "connecting");
});

test("a callee makes no offer before its answer", async () => {
  const { call, connections, socket } = await called({ trickle: false });
  call.accept();
  connections[0].needNegotiation();
  await settled();
  assert.equal(socket().all("offer").length, 0);
});

test("rejecting says why", async () => {
  const { call, socket, ended, phone } = await called();
  call.reject("busy");
  assert.deepEqual(socket().last("reject"), { type: "reject", call: CALL, reason: "busy" });
  assert.deepEqual(ended, [{ reason: "busy", local: true, error: null }]);
  assert.equal(phone.calls.size, 0);
});

test("a call that ended while it rang is accepted by nobody", async () => {
  const { call, connections, socket, ended } = await called();
  await socket().say(frame("hangup", { call: CALL, from: GRACE, reason: "timeout" }));
  call.accept(new FakeStream());
  await settled();
  assert.equal(ended[0].reason, "timeout");
  assert.equal(connections.length, 0);
});

test("a call is accepted once", async () => {
  const { call } = await called();
  call.accept();
  assert.throws(() => call.accept(), { name: "InvalidStateError" });
});

test("an offer that cannot be set is rejected", async () => {
  const { call, connections, socket, ended } = await called();
  call.accept();
  connections[0].rejects = new Error("bad SDP");
  await settled();
  assert.equal(socket().last("reject").reason, "failed");
  assert.equal(ended[0].reason, "failed");
});

test("a caller without trickle gets one complete answer and no candidates", async () => {
  const { call, connections, socket, clock } = await called({ trickle: false, via: "http" });
  assert.equal(call.via, "http");
  call.accept();
  await settled();
  connections[0].gather(candidate(1), candidate(2), null);
  await clock.pass(100);
  assert.equal(socket().all("answer").length, 0);
  connections[0].finishGathering();
  await settled();
  assert.match(socket().last("answer").description.sdp, /a=candidate/);
  assert.equal(socket().all("candidate").length, 0);
});

test("after an answer by HTTP there is nobody to signal to", async () => {
  const { call, connections, socket, ended } = await called({ trickle: false, via: "http" });
  call.accept();
  await settled();
  connections[0].finishGathering();
  await settled();
  connections[0].become("connected");
  connections[0].needNegotiation();
  await settled();
  assert.equal(socket().all("offer").length, 0);
  connections[0].become("failed");
  await settled();
  assert.equal(connections[0].restarts, 0);
  assert.equal(ended[0].reason, "failed");
  assert.equal(socket().all("hangup").length, 0);
});

test("somebody else's call under the id of ours is not ours", async () => {
  const { call, connection, socket, ended } = await connected();
  await socket().say(offered({ call: call.id, from: LINUS }));
  assert.deepEqual(socket().last("reject"), { type: "reject", call: call.id, reason: "failed" });
  await socket().say(frame("hangup", { call: call.id, from: LINUS, reason: "done" }));
  assert.deepEqual(ended, []);
  assert.deepEqual(connection.log, ["offer", "remote answer"]);
});

test("a call that has ended here does not ring again", async () => {
  const { call, phone, socket } = await called();
  const incoming = heard(phone, "incoming");
  call.reject();
  await socket().say(offered());
  assert.deepEqual(incoming, []);
  assert.equal(socket().all("reject").length, 2);
});

// Candidates

test("candidates of one burst travel together, at most 32, with the end after them", async () => {
  const { call, connection, socket, clock } = await dialled();
  connection.gather(...Array.from({ length: 40 }, (_, index) => candidate(index)), null);
  await clock.pass(20);
  const messages = socket().all("candidate");
  assert.deepEqual(
    messages.map((message) => message.candidates?.length ?? message.candidate),
    [32, 8, null],
  );
  assert.ok(messages.every((message) => message.call === call.id));
});

test("a single candidate travels alone", async () => {
  const { connection, socket, clock } = await dialled();
  connection.gather(candidate(1));
  await clock.pass(20);
  assert.deepEqual(socket().last("candidate").candidate, candidate(1));
});

test("candidates that come before the call is accepted wait for the description", async () => {
  const { call, connections, socket } = await called();
  await socket().say(frame("candidate", { call: CALL, from: GRACE, candidate: candidate(1) }));
  await socket().say(frame("candidate", { call: CALL, from: GRACE, candidates: [candidate(2), candidate(3)] }));
  call.accept();
  await settled();
  assert.deepEqual(connections[0].candidates, [candidate(1), candidate(2), candidate(3)]);
});

test("candidates that come before the answer wait for it", async () => {
  const { call, connection, socket } = await dialled();
  await socket().say(frame("candidate", { call: call.id, from: GRACE, candidate: candidate(1) }));
  await socket().say(frame("candidate", { call: call.id, from: GRACE, candidate: null }));
  assert.deepEqual(connection.candidates, []);
  await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
  assert.deepEqual(connection.candidates, [candidate(1), null]);
});

test("a candidate of a description that was void is left out", async () => {
  const { call, connection, socket } = await connected();
  await socket().say(
    frame("candidate", { call: call.id, from: GRACE, candidates: [candidate(1, "void"), candidate(2, "theirs")] }),
  );
  assert.deepEqual(connection.candidates, [candidate(2, "theirs")]);
});

test("a candidate that makes no sense is an error, and the call goes on", async () => {
  const { call, socket, ended } = await connected();
  const errors = heard(call, "error");
  await socket().say(
    frame("candidate", { call: call.id, from: GRACE, candidate: { candidate: "nonsense", sdpMid: "0" } }),
  );
  assert.equal(errors[0].name, "OperationError");
  assert.deepEqual(ended, []);
});

// Renegotiation

test("a change is offered in the same call, without `to`", async () => {
  const { call, connection, socket } = await connected();
  connection.needNegotiation();
  await settled();
  const { id, ...offer } = socket().last("offer");
  assert.deepEqual(offer, { type: "offer", call: call.id, description: { type: "offer", sdp: "v=0\r\noffer 2\r\n" } });
});

test("their change is answered", async () => {
  const { connection, socket } = await accepted();
  await socket().say(offered());
  assert.deepEqual(connection.log, ["remote offer", "answer", "remote offer", "answer"]);
  assert.equal(socket().all("answer").length, 2);
});

test("glare: the impolite caller ignores an offer that crosses its own", async () => {
  const { call, connection, socket } = await connected();
  connection.needNegotiation();
  await settled();
  await socket().say(offered({ call: call.id, polite: false }));
  assert.equal(socket().all("answer").length, 0);
  await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
  assert.deepEqual(connection.log, ["offer", "remote answer", "offer", "remote answer"]);
});

test("glare: the polite callee takes its own offer back, answers, and offers again", async () => {
  const { connection, socket } = await accepted();
  connection.needNegotiation();
  await settled();
  const { id } = socket().last("offer");
  await socket().say(frame("ack", { id, state: "dropped" }), offered({ polite: true }));
  assert.deepEqual(connection.log.slice(2), ["offer", "rollback", "remote offer", "answer", "offer"]);
  assert.equal(socket().all("answer").length, 2);
  assert.equal(socket().all("offer").length, 2);
});

test("glare: an offer that comes while ours is being made waits, and crosses", async () => {
  const { call, connection, socket } = await connected();
  connection.needNegotiation();
  await socket().say(offered({ call: call.id, polite: false }));
  assert.deepEqual(connection.log, ["offer", "remote answer", "offer"]);
  assert.equal(socket().all("answer").length, 0);
});

test("a later offer that is rejected is taken back, and the call stays", async () => {
  const { call, connection, socket, ended } = await connected();
  const errors = heard(call, "error");
  connection.needNegotiation();
  await settled();
  await socket().say(frame("reject", { call: call.id, from: GRACE, reason: "unsupported" }));
  assert.equal(connection.signalingState, "stable");
  assert.equal(errors[0].code, "rejected");
  assert.equal(socket().all("offer").length, 2, "it is not forced upon her");
  assert.deepEqual(ended, []);
});

test("a later offer that nobody answered is made again", async () => {
  const { call, connection, socket, ended } = await connected();
  connection.needNegotiation();
  await settled();
  await socket().say(frame("error", { call: call.id, code: "answer_timeout", message: "late" }));
  assert.equal(socket().all("offer").length, 3);
  assert.deepEqual(ended, []);
});

test("an answer to an offer that was void does not matter", async () => {
  const { call, connection, socket, ended } = await connected();
  await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
  assert.equal(connection.signalingState, "stable");
  assert.deepEqual(ended, []);
});

test("a later offer of theirs that cannot be set is rejected, and the call stays", async () => {
  const { call, connection, socket, ended } = await accepted();
  const errors = heard(call, "error");
  connection.rejects = new Error("bad SDP");
  await socket().say(offered());
  assert.deepEqual(socket().last("reject"), { type: "reject", call: call.id, reason: "failed" });
  assert.equal(errors[0].message, "bad SDP");
  assert.deepEqual(ended, []);
});

// The path

test("when the path fails, ICE is restarted", async () => {
  const { call, connection, socket } = await connected();
  const states = heard(call, "state");
  connection.become("disconnected");
  connection.become("failed");
  await settled();
  assert.equal(connection.restarts, 1);
  assert.equal(socket().all("offer").length, 2);
  await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
  connection.become("connecting");
  connection.become("connected");
  assert.deepEqual(
    states.map(({ state }) => state),
    ["disconnected", "failed", "connecting", "connected"],
  );
});

for (const code of ["rate_limited", "limit_exceeded"]) {
  test(`a restart that is refused for a time is tried again, and counts: ${code}`, async () => {
    const { call, connection, socket, clock, ended } = await connected();
    connection.become("failed");
    for (let restart = 1; restart <= 3; restart += 1) {
      await settled();
      const { id } = socket().last("offer");
      await socket().say(
        frame("error", { id, about: "offer", call: call.id, code, message: "slowly", retry_after: 5 }),
      );
      assert.equal(connection.signalingState, "stable");
      await clock.pass(4_999);
      assert.equal(connection.restarts, restart);
      assert.deepEqual(ended, []);
      await clock.pass(1);
    }
    assert.equal(connection.restarts, 3);
    assert.equal(ended[0].reason, "failed");
  });
}

test("a restart that was refused is not made when the path is back", async () => {
  const { call, connection, socket, clock } = await connected();
  connection.become("failed");
  await settled();
  const { id } = socket().last("offer");
  await socket().say(
    frame("error", { id, about: "offer", call: call.id, code: "rate_limited", message: "slowly", retry_after: 5 }),
  );
  connection.become("connected");
  await clock.pass(6_000);
  assert.equal(connection.restarts, 1);
  assert.equal(call.state, "connected");
});

test("a call whose restart is refused for good ends", async () => {
  const { call, connection, socket, ended } = await connected();
  connection.become("failed");
  await settled();
  await socket().say(frame("reject", { call: call.id, from: GRACE, reason: "unsupported" }));
  assert.deepEqual([ended[0].reason, ended[0].error.code], ["failed", "rejected"]);
  assert.equal(socket().last("hangup").call, call.id);
});

test("restarts that nobody answers are counted", async () => {
  const { call, connection, socket, ended } = await connected();
  connection.become("failed");
  for (let restart = 1; restart <= 3; restart += 1) {
    await settled();
    assert.equal(connection.restarts, restart);
    await socket().say(frame("error", { call: call.id, code: "answer_timeout", message: "late" }));
  }
  assert.equal(ended[0].reason, "failed");
});

test("when restarts do not help, the call ends", async () => {
  const { call, connection, socket, ended } = await connected();
  for (let restart = 1; restart <= 3; restart += 1) {
    connection.become("failed");
    await settled();
    assert.equal(connection.restarts, restart);
    await socket().say(frame("answer", { call: call.id, from: GRACE, description: ANSWER }));
    connection.become("connecting");
  }
  connection.become("failed");
  await settled();
  assert.equal(ended[0].reason, "failed");
  assert.equal(socket().last("hangup").reason, "failed");
});

// The signalling

for (const reason of ["gone", "draining"]) {
  test(`a connection that works outlives the signalling of the other: ${reason}`, async () => {
    const { call, connection, socket, ended } = await connected();
    await socket().say(frame("hangup", { call: call.id, from: GRACE, reason }));
    assert.equal(call.state, "connected");
    assert.deepEqual(ended, []);
    assert.ok(!connection.closed);
  });

  test(`a connection that does not work ends with it: ${reason}`, async () => {
    const { call, connection, socket, ended } = await connected();
    connection.become("disconnected");
    await socket().say(frame("hangup", { call: call.id, from: GRACE, reason }));
    assert.equal(ended[0].reason, reason);
  });
}

for (const reason of ["done", "bye", "disconnected", "kicked"]) {
  test(`the other ends the call: ${reason}`, async () => {
    const { call, socket, ended } = await connected();
    await socket().say(frame("hangup", { call: call.id, from: GRACE, reason }));
    assert.deepEqual(ended, [{ reason, local: false, error: null }]);
  });
}

test("a connection that works outlives our session, and opens the call anew when it must signal", async () => {
  const world = await connected();
  await newSession(world);
  assert.equal(world.call.state, "connected");
  assert.equal(world.socket().all("offer").length, 0, "not before it must");
  world.connection.become("failed");
  await settled();
  const { to, call, trickle } = world.socket().last("offer");
  assert.deepEqual({ to, call, trickle }, { to: GRACE, call: world.call.id, trickle: true });
});

test("a call that does not work ends with our session", async () => {
  const world = await dialled();
  await newSession(world);
  assert.deepEqual(
    world.ended.map(({ reason }) => reason),
    ["session_lost"],
  );
});

test("a new session takes back an offer of the old one", async () => {
  const world = await connected();
  world.connection.needNegotiation();
  await settled();
  await newSession(world);
  assert.equal(world.socket().last("offer").to, GRACE);
  assert.equal(world.connection.log.filter((entry) => entry === "rollback").length, 1);
});

test("an offer that opens a call anew is a renegotiation for who still holds it", async () => {
  const world = await connected();
  const incoming = heard(world.phone, "incoming");
  await newSession(world);
  await world.socket().say({ ...offered({ call: world.call.id, polite: true }), seq: 1 });
  assert.deepEqual(incoming, []);
  assert.deepEqual(world.connection.log.slice(-2), ["remote offer", "answer"]);
  assert.equal(world.socket().last("answer").call, world.call.id);
});

test("both open the call anew: the later answers the other's offer", async () => {
  const world = await connected();
  await newSession(world);
  world.connection.become("failed");
  await settled();
  const { id, call } = world.socket().last("offer");
  await world
    .socket()
    .say(
      { ...offered({ call, polite: true }), seq: 1 },
      { type: "error", id, about: "offer", call, code: "call_exists", message: "you have", seq: 2 },
    );
  assert.deepEqual(world.connection.log.slice(-4), ["rollback", "remote offer", "answer", "offer"]);
  assert.deepEqual(world.ended, []);
});

test("a call that cannot be opened anew ends when it does not work", async () => {
  const world = await connected();
  await newSession(world);
  world.connection.become("failed");
  await settled();
  const { id, call } = world.socket().last("offer");
  await world
    .socket()
    .say({ type: "error", id, about: "offer", call, code: "peer_unavailable", message: "not here", seq: 1 });
  assert.equal(world.ended[0].reason, "peer_unavailable");
});

test("and goes on when it works", async () => {
  const world = await connected();
  await newSession(world);
  world.connection.needNegotiation();
  await settled();
  const { id, call } = world.socket().last("offer");
  await world
    .socket()
    .say({ type: "error", id, about: "offer", call, code: "peer_unavailable", message: "not here", seq: 1 });
  assert.deepEqual(world.ended, []);
  assert.equal(world.connection.signalingState, "stable");
  world.connection.become("failed");
  await settled();
  assert.equal(world.socket().last("offer").to, GRACE, "now it must be opened anew");
});

test("a server that has forgotten the call is told of it anew", async () => {
  const { call, connection, socket } = await connected();
  connection.needNegotiation();
  await settled();
  const { id } = socket().last("offer");
  await socket().say(frame("error", { id, about: "offer", call: call.id, code: "call_unknown", message: "which?" }));
  assert.equal(socket().last("offer").to, GRACE);
});

test("bye ends every call", async () => {
  const { signalling, ended, phone } = await connected();
  signalling.bye();
  assert.deepEqual(ended, [{ reason: "bye", local: true, error: null }]);
  assert.equal(phone.calls.size, 0);
});

test("a connection that works outlives a server that wants us no more, until the path fails", async () => {
  const { call, connection, socket, ended } = await connected();
  await socket().end(4505);
  assert.equal(call.state, "connected");
  connection.become("failed");
  await settled();
  assert.equal(ended[0].reason, "failed");
});

test("dialling without a session fails", async () => {
  const { signalling, phone } = await setUpPhone();
  signalling.bye();
  const ended = heard(phone.dial(GRACE), "ended");
  await settled();
  assert.equal(ended[0].reason, "closed");
});

test("new ICE servers reach every connection", async () => {
  const world = await connected();
  await newSession({ ...world, socket: () => world.socket() });
  await world.socket().say(welcome({ resumed: true, ice_servers: [{ urls: "turn:192.0.2.1" }] }));
  assert.deepEqual(world.connection.configuration.iceServers, [{ urls: "turn:192.0.2.1" }]);
});

// Media

test("their streams come as events, each once", async () => {
  const { call, connection } = await connected();
  const [streams, tracks] = [heard(call, "stream"), heard(call, "track")];
  const stream = new FakeStream();
  connection.ontrack({ track: "audio", streams: [stream] });
  connection.ontrack({ track: "video", streams: [stream] });
  assert.deepEqual(streams, [stream]);
  assert.deepEqual(
    tracks.map(({ track }) => track),
    ["audio", "video"],
  );
  assert.deepEqual(call.streams, [stream]);
});

test("a track without a stream gets one", async () => {
  const { call, connection } = await connected();
  connection.ontrack({ track: "audio", streams: [] });
  assert.deepEqual(call.streams[0].tracks, ["audio"]);
});

test("muting silences our microphone", async () => {
  const stream = new FakeStream();
  const { call } = await dialled({ stream });
  call.mute();
  assert.equal(call.muted, true);
  assert.equal(stream.tracks[0].enabled, false);
  call.unmute();
  assert.equal(call.muted, false);
  assert.equal(stream.tracks[0].enabled, true);
});

test("closing the phone hangs up", async () => {
  const { phone, ended } = await connected();
  phone.close();
  assert.equal(ended.length, 1);
});

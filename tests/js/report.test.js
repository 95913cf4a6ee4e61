// What a call tells the server of its connection, for the operator: when, how often, and of servers that want it only.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeStream, GRACE, heard, identifier, LINUS, setUpPhone, settled, welcome } from "./fakes.js";

const CALL = "5a0c1f5e-3f0b-4d51-9c1d-6c2f5c0d7a11";
const OFFER = { type: "offer", sdp: "v=0\r\n" };
const ANSWER = { type: "answer", sdp: "v=0\r\n" };
const PAIR = [
  { id: "L1", type: "local-candidate", candidateType: "srflx" },
  { id: "R1", type: "remote-candidate", candidateType: "relay" },
  { id: "L2", type: "local-candidate", candidateType: "host" },
  { id: "P1", type: "candidate-pair", localCandidateId: "L2", remoteCandidateId: "R1", nominated: true, state: "failed" },
  { id: "P2", type: "candidate-pair", localCandidateId: "L1", remoteCandidateId: "R1", nominated: true, state: "succeeded" },
];

let seq = 0;
const frame = (type, fields) => ({ type, seq: ++seq, ...fields });
const offered = (fields) =>
  frame("offer", {
    call: CALL,
    from: GRACE,
    description: OFFER,
    polite: true,
    trickle: true,
    expires: 30,
    ...fields,
  });

/** A peer that has dialled Grace, on a server that takes reports. */
async function dialled({ first = { reports: true }, to = GRACE } = {}) {
  const world = await setUpPhone({ first });
  const call = world.phone.dial(to, { stream: new FakeStream() });
  await settled();
  const [connection] = world.connections;
  connection.stats = PAIR;
  return { ...world, call, connection, ended: heard(call, "ended"), errors: heard(world.signalling, "error") };
}

async function answer({ call, socket }) {
  const { id } = socket().last("offer");
  await socket().say(
    frame("ack", { id, state: "delivered" }),
    frame("answer", { call: call.id, from: GRACE, description: ANSWER }),
  );
}

async function answered(options) {
  const world = await dialled(options);
  await answer(world);
  return world;
}

/** A connection comes to this state, and what follows from that happens. */
async function becomes(connection, state) {
  connection.become(state);
  await settled();
}

const withoutId = (frames) => frames.map(({ id, ...fields }) => fields);

test("a connected call reports the types of the chosen pair", async () => {
  const { call, connection, socket } = await answered();
  await becomes(connection, "connecting");
  assert.deepEqual(socket().all("report"), []);
  await becomes(connection, "connected");
  assert.deepEqual(withoutId(socket().all("report")), [
    { type: "report", call: call.id, state: "connected", local: "srflx", remote: "relay" },
  ]);
});

test("the transport says which pair is chosen, where it does", async () => {
  const { connection, socket } = await answered();
  const chosen = { id: "P3", type: "candidate-pair", localCandidateId: "L2", remoteCandidateId: "R1" };
  connection.stats = [
    { id: "T0", type: "transport" },
    { id: "T1", type: "transport", selectedCandidatePairId: "P3" },
    ...PAIR,
    chosen,
  ];
  await becomes(connection, "connected");
  const { local, remote } = socket().last("report");
  assert.deepEqual([local, remote], ["host", "relay"]);
});

for (const [why, stats] of [
  ["are none", []],
  ["are of a pair that failed", PAIR.slice(0, 4)],
  ["have words of their own", PAIR.map((entry) => ({ ...entry, candidateType: "serverreflexive" }))],
]) {
  test(`it reports without types when the statistics ${why}`, async () => {
    const { call, connection, socket } = await answered();
    connection.stats = stats;
    await becomes(connection, "connected");
    assert.deepEqual(withoutId(socket().all("report")), [{ type: "report", call: call.id, state: "connected" }]);
  });
}

test("statistics that cannot be had do not matter", async () => {
  const { call, connection, socket, ended, errors } = await answered();
  connection.getStats = () => {
    throw new DOMException("no", "InvalidStateError");
  };
  await becomes(connection, "connected");
  assert.deepEqual(withoutId(socket().all("report")), [{ type: "report", call: call.id, state: "connected" }]);
  assert.deepEqual([ended, errors], [[], []]);
});

test("a server that does not say that it takes reports gets none", async () => {
  const { connection, socket } = await answered({ first: {} });
  await becomes(connection, "connected");
  assert.deepEqual(socket().all("report"), []);
});

test("what the server says last counts", async () => {
  const { connection, signalling, socket, clock } = await answered();
  await socket().end(1006);
  await clock.pass(1_000);
  await socket().open();
  await socket().say(welcome({ resumed: true, seq }));
  assert.equal(signalling.reports, false);
  await becomes(connection, "connected");
  assert.deepEqual(socket().all("report"), []);
});

test("nothing is reported before the answer, and then at once", async () => {
  const world = await dialled();
  const { connection, socket } = world;
  await becomes(connection, "connected");
  assert.deepEqual(socket().all("report"), []);
  await answer(world);
  assert.equal(socket().all("report").length, 1);
});

test("the callee reports after its answer", async () => {
  const { phone, socket, connections } = await setUpPhone({ first: { reports: true } });
  const [incoming] = [heard(phone, "incoming")];
  await socket().say(offered());
  incoming[0].accept(new FakeStream());
  await settled();
  await becomes(connections[0], "connected");
  const kinds = socket().sent.map(({ type }) => type);
  assert.deepEqual(kinds.slice(-2), ["answer", "report"]);
  assert.equal(socket().last("report").call, CALL);
});

test("a failed path is reported, and the one that is found after it", async () => {
  const { connection, socket } = await answered();
  await becomes(connection, "failed");
  await becomes(connection, "connected");
  const states = socket()
    .all("report")
    .map(({ state, local }) => [state, local]);
  assert.deepEqual(states, [
    ["failed", undefined],
    ["connected", "srflx"],
  ]);
});

test("the last failure is reported before the hang-up", async () => {
  const { connection, socket, ended } = await answered();
  for (let attempt = 0; attempt < 4; attempt += 1) await becomes(connection, "failed");
  assert.equal(ended[0].reason, "failed");
  const kinds = socket().sent.map(({ type }) => type);
  assert.deepEqual(kinds.slice(-2), ["report", "hangup"]);
});

test("a connection that comes and goes is reported a few times", async () => {
  const { connection, socket } = await answered();
  for (let time = 0; time < 20; time += 1) {
    await becomes(connection, "disconnected");
    await becomes(connection, "connected");
  }
  assert.equal(socket().all("report").length, 8);
});

test("what is over by the time the statistics come is not reported", async () => {
  const { call, connection, socket } = await answered();
  connection.become("connected");
  call.hangup();
  await settled();
  assert.deepEqual(socket().all("report"), []);
});

test("a later answer is no news of the connection", async () => {
  const { call, connection, socket } = await answered();
  await becomes(connection, "connected");
  connection.needNegotiation();
  await settled();
  const { id } = socket().last("offer");
  await socket().say(
    frame("ack", { id, state: "delivered" }),
    frame("answer", { call: call.id, from: GRACE, description: ANSWER }),
  );
  assert.equal(socket().all("report").length, 1);
});

test("a call over HTTP reports after its answer, though the server has ended it", async () => {
  const { phone, socket, connections } = await setUpPhone({ first: { reports: true } });
  const incoming = heard(phone, "incoming");
  await socket().say(offered({ via: "http", trickle: false }));
  incoming[0].accept(new FakeStream());
  await settled();
  connections[0].finishGathering();
  await settled();
  await becomes(connections[0], "connected");
  assert.equal(socket().last("report").state, "connected");
});

test("a peer elsewhere is reported on as well", async () => {
  const world = await dialled({ to: identifier(LINUS, "http://192.0.2.9") });
  const { call, connection, socket } = world;
  connection.finishGathering();
  await settled();
  const { id } = socket().last("offer");
  await socket().say(
    frame("ack", { id, state: "done", trickle: false }),
    frame("answer", { call: call.id, from: LINUS, description: ANSWER }),
  );
  await becomes(connection, "connected");
  assert.equal(socket().last("report").call, call.id);
});

test("a call that the server has forgotten is not reported on", async () => {
  const { connection, socket, clock } = await answered();
  await becomes(connection, "connected");
  await socket().end(1006);
  await clock.pass(1_000);
  await socket().open();
  await socket().say(welcome({ reports: true }));
  seq = 0;
  await becomes(connection, "disconnected");
  await becomes(connection, "connected");
  assert.deepEqual(socket().all("report"), []);
});

test("a refused report is nobody's business", async () => {
  const { connection, socket, errors, ended } = await answered();
  await becomes(connection, "connected");
  const { id, call } = socket().last("report");
  await socket().say(frame("error", { id, about: "report", call, code: "call_unknown", message: "no" }));
  assert.deepEqual([errors, ended], [[], []]);
});

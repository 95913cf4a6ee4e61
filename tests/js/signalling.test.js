// The WebSocket layer: greeting, acknowledgements, reconnecting, resuming, signs of life.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SignallingError } from "../../signalling/static/signalling/roundtable.js";
import { ADA, heard, redialled, setUp, setUpConnected, settled, welcome } from "./fakes.js";

/** Loses the connection and takes up the next one, up to its hello. */
async function reconnect(world, code = 1006) {
  await world.socket().end(code);
  await redialled(world);
  await world.socket().open();
}

test("the first frame is a hello with our name, over the subprotocol", async () => {
  const { signalling, socket } = setUp({ name: "Ada" });
  signalling.connect();
  assert.equal(signalling.state, "connecting");
  await socket().open();
  assert.equal(socket().protocol, "roundtable.v1");
  assert.deepEqual(socket().sent, [{ type: "hello", name: "Ada" }]);
});

test("connect is fulfilled by the welcome, which tells who we are", async () => {
  const { signalling, socket } = setUp();
  const opened = signalling.connect();
  await socket().open();
  await socket().say(welcome({ ice_servers: [{ urls: "stun:192.0.2.1" }] }));
  assert.equal((await opened).type, "welcome");
  assert.equal(signalling.state, "connected");
  assert.equal(signalling.peer, ADA);
  assert.deepEqual(signalling.iceServers, [{ urls: "stun:192.0.2.1" }]);
});

test("an id made by the server is kept with its proof and said in the next hello", async () => {
  const { socket, storage } = await setUpConnected({ first: { proof: "secret" } });
  assert.ok(!("peer" in socket().sent[0]));
  const later = setUp({ storage });
  later.signalling.connect();
  await later.socket().open();
  assert.deepEqual(later.socket().sent[0], { type: "hello", peer: ADA, proof: "secret" });
});

test("a page without storage has an id for as long as it lives", async () => {
  const world = await setUpConnected({ storage: null, first: { proof: "secret" } });
  await reconnect(world);
  assert.equal(world.socket().sent[0].proof, "secret");
});

test("a request is answered by the frame with its id", async () => {
  const { signalling, socket } = await setUpConnected();
  const hangup = signalling.request({ type: "hangup", call: "c1" });
  const offer = signalling.request({ type: "offer", call: "c2" });
  const [first, second] = socket().sent.slice(1);
  await socket().say(
    { type: "ack", id: second.id, state: "delivered", seq: 1 },
    { type: "ack", id: first.id, state: "done", seq: 2 },
  );
  assert.equal((await hangup).state, "done");
  assert.equal((await offer).state, "delivered");
});

test("a refusal rejects the request with what the server says", async () => {
  const { signalling, socket } = await setUpConnected();
  const outcome = assert.rejects(signalling.request({ type: "offer", call: "c1" }), (error) => {
    assert.ok(error instanceof SignallingError);
    const { code, message, retryAfter, call, about } = error;
    assert.deepEqual(
      { code, message, retryAfter, call, about },
      { code: "peer_unavailable", message: "not here", retryAfter: 5, call: "c1", about: "offer" },
    );
    return true;
  });
  const { id } = socket().last("offer");
  await socket().say({
    type: "error",
    id,
    about: "offer",
    call: "c1",
    code: "peer_unavailable",
    message: "not here",
    retry_after: 5,
    seq: 1,
  });
  await outcome;
});

test("an error that answers nothing, and every frame, is an event", async () => {
  const { signalling, socket } = await setUpConnected();
  const types = [
    "offer",
    "answer",
    "candidate",
    "reject",
    "hangup",
    "peer_joined",
    "peer_left",
    "table",
    "going_away",
    "from_a_later_version",
  ];
  const events = types.map((type) => heard(signalling, type));
  const errors = heard(signalling, "error");
  for (const [index, type] of types.entries()) await socket().say({ type, seq: index + 1 });
  await socket().say({ type: "error", code: "answer_timeout", message: "late", call: "c1", seq: 99 });
  assert.deepEqual(
    events.map(([frame]) => frame?.type),
    types,
  );
  assert.equal(errors[0].code, "answer_timeout");
  assert.equal(errors[0].call, "c1");
});

test("what is sent before the welcome waits for it", async () => {
  const { signalling, socket } = setUp();
  signalling.connect();
  signalling.send({ type: "candidate", call: "c1" });
  const joined = signalling.request({ type: "join", table: "camelot" });
  await socket().open();
  assert.deepEqual(
    socket().sent.map(({ type }) => type),
    ["hello"],
  );
  await socket().say(welcome());
  assert.deepEqual(
    socket().sent.map(({ type }) => type),
    ["hello", "candidate", "join"],
  );
  await socket().say({ type: "joined", id: socket().last("join").id, table: "camelot", seq: 1 });
  assert.equal((await joined).table, "camelot");
});

test("after a loss it waits: full jitter from 1 s, doubling to 30 s", async () => {
  const { signalling, sockets, clock } = setUp();
  const events = heard(signalling, "state");
  signalling.connect();
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    await sockets.at(-1).end(1006);
    assert.equal(events.at(-1).state, "reconnecting");
    assert.equal(events.at(-1).retryIn, seconds);
    const before = sockets.length;
    await clock.pass(seconds * 1000 - 1);
    assert.equal(sockets.length, before, "not before its time");
    await clock.pass(1);
    assert.equal(sockets.length, before + 1);
  }
});

test("the jitter is a random share of the bound", async () => {
  const { signalling, socket } = setUp({ random: () => 0.25 });
  const events = heard(signalling, "state");
  signalling.connect();
  await socket().end(1006);
  assert.equal(events.at(-1).retryIn, 0.25);
});

test("a connection that has stood for 10 s begins the doubling anew", async () => {
  const world = setUp();
  const events = heard(world.signalling, "state");
  world.signalling.connect();
  await reconnect(world);
  await world.socket().say(welcome());
  await world.clock.pass(10_000);
  await world.socket().end(1006);
  assert.equal(events.at(-1).retryIn, 1);
});

test("a server that welcomes and closes at once is left alone for longer each time", async () => {
  const world = await setUpConnected();
  const events = heard(world.signalling, "state");
  for (const seconds of [1, 2, 4, 8, 16]) {
    await world.clock.pass(9_999);
    await world.socket().end(1011);
    assert.equal(events.at(-1).retryIn, seconds);
    await redialled(world);
    await world.socket().open();
    await world.socket().say(welcome());
  }
});

test("after a drain everybody waits as long as asked, and then a time of its own", async () => {
  for (const share of [0.25, 0.75]) {
    const { signalling, socket } = await setUpConnected({ random: () => share });
    const events = heard(signalling, "state");
    await socket().say({ type: "going_away", retry_after: 3, seq: 1 });
    await socket().end(4000);
    assert.equal(events.at(-1).retryIn, 3 + share);
  }
});

test("a server that goes away says how long to wait", async () => {
  const { signalling, socket } = await setUpConnected();
  const events = heard(signalling, "state");
  await socket().say({ type: "going_away", retry_after: 7, seq: 1 });
  await socket().end(4000);
  assert.equal(events.at(-1).retryIn, 8);
});

test("a refused hello that may pass later is repeated when the server says", async () => {
  const { signalling, socket } = setUp();
  const events = heard(signalling, "state");
  signalling.connect();
  await socket().open();
  await socket().say({ type: "error", about: "hello", code: "rate_limited", message: "slowly", retry_after: 60 });
  await socket().end(4003);
  assert.equal(events.at(-1).state, "reconnecting");
  assert.equal(events.at(-1).retryIn, 61);
});

test("who was cut off for its rate waits as long as it was told", async () => {
  const { signalling, socket } = await setUpConnected();
  const events = heard(signalling, "state");
  signalling.send({ type: "candidate", call: "c1" });
  await socket().say({
    type: "error",
    about: "candidate",
    code: "rate_limited",
    message: "slowly",
    retry_after: 9,
    seq: 1,
  });
  await socket().end(4003);
  assert.equal(events.at(-1).retryIn, 10);
});

test("a refused hello that will never do closes for good", async () => {
  const { signalling, socket, sockets, clock } = setUp({ name: "\u202e" });
  const opened = signalling.connect();
  await socket().open();
  socket().say({ type: "error", about: "hello", code: "bad_message", message: "name" });
  await assert.rejects(opened, { code: "bad_message" });
  assert.equal(signalling.state, "closed");
  await clock.pass(120_000);
  assert.equal(sockets.length, 1);
});

test("whom the operator has disconnected does not come back by itself", async () => {
  const { signalling, socket, sockets, clock, storage } = await setUpConnected({ first: { proof: "secret" } });
  await socket().end(4503);
  const again = assert.rejects(signalling.connect(), { code: "forbidden", about: "hello", retryAfter: 600 });
  await socket().open();
  const forbidden = { code: "forbidden", message: "the operator has disconnected you", retry_after: 600 };
  await socket().say({ type: "error", about: "hello", ...forbidden });
  await socket().end(4503);
  await again;
  assert.equal(signalling.state, "closed");
  await clock.pass(1_200_000);
  assert.equal(sockets.length, 2);
  assert.equal(storage.values.size, 1, "its id is still its own");
});

for (const code of [1000, 1001, 1006, 1011, 1012, 3000, 4000, 4001, 4002, 4003, 4004, 4005, 4499]) {
  test(`after ${code} it reconnects`, async () => {
    const world = await setUpConnected();
    await world.socket().end(code);
    assert.equal(world.signalling.state, "reconnecting");
    await world.clock.pass(1_000);
    assert.equal(world.sockets.length, 2);
  });
}

for (const [code, name] of [
  [1002, "protocol_error"],
  [1007, "protocol_error"],
  [1009, "too_large"],
  [4500, "protocol_error"],
  [4501, "unauthorized"],
  [4503, "disconnected"],
  [4504, "identity_taken"],
  [4505, "superseded"],
  [4999, "closed"],
]) {
  test(`after ${code} it does not reconnect`, async () => {
    const world = await setUpConnected({ first: { ice_ttl: 600 } });
    const events = heard(world.signalling, "state");
    const request = world.signalling.request({ type: "join", table: "camelot" });
    const outcome = assert.rejects(request, { code: name, closeCode: code });
    await world.socket().end(code);
    await outcome;
    assert.equal(events.at(-1).state, "closed");
    assert.equal(events.at(-1).error.code, name);
    await world.clock.pass(120_000);
    assert.equal(world.sockets.length, 1);
    assert.equal(world.clock.pending, 0);
  });
}

test("an identity that is not ours is forgotten", async () => {
  const { signalling, socket, storage } = setUp();
  storage.setItem("roundtable ws://127.0.0.1:1066/signal", JSON.stringify({ peer: ADA, proof: "wrong" }));
  const later = setUp({ storage });
  const opened = later.signalling.connect();
  await later.socket().open();
  later.socket().say({ type: "error", about: "hello", code: "identity_taken", message: "somebody else's" });
  await assert.rejects(opened, { code: "identity_taken", message: "somebody else's" });
  assert.equal(storage.values.size, 0);
  later.signalling.connect();
  await later.socket().open();
  assert.deepEqual(later.socket().sent, [{ type: "hello" }]);
  assert.equal(signalling.state, "closed");
  assert.equal(socket(), undefined);
});

const full = () => {
  throw new DOMException("full", "QuotaExceededError");
};
for (const [what, broken] of [
  ["fails", { getItem: full, setItem: full, removeItem: full }],
  ["is full", { getItem: () => null, setItem: full, removeItem: full }],
  ["holds no JSON", { getItem: () => "{", setItem: full, removeItem: full }],
  ["holds something else", { getItem: () => '"abc"', setItem: full, removeItem: full }],
]) {
  test(`it connects all the same when its storage ${what}`, async () => {
    const world = await setUpConnected({ storage: broken, first: { proof: "secret" } });
    assert.deepEqual(world.socket().sent, [{ type: "hello" }]);
    assert.equal(world.signalling.state, "connected");
    await reconnect(world);
    assert.equal(world.socket().sent[0].proof, "secret");
    await world.socket().end(4504);
    assert.equal(world.signalling.state, "closed");
  });
}

// Resuming

test("it resumes with its secret and the number of the last frame that it got", async () => {
  const world = await setUpConnected({ first: { resume: "r1", proof: "p" } });
  await world
    .socket()
    .say({ type: "peer_joined", table: "camelot", seq: 1 }, { type: "peer_joined", table: "camelot", seq: 2 });
  await reconnect(world);
  assert.deepEqual(world.socket().sent, [{ type: "hello", peer: ADA, proof: "p", resume: "r1", seq: 2 }]);
  await world.socket().say(welcome({ resumed: true, resume: "r2", seq: 2, received: 0 }));
  await reconnect(world);
  assert.equal(world.socket().sent[0].resume, "r2");
});

test("a frame that came already does not come twice", async () => {
  const world = await setUpConnected({ first: { resume: "r1" } });
  const offers = heard(world.signalling, "offer");
  await world.socket().say({ type: "offer", call: "c1", seq: 1 }, { type: "offer", call: "c2", seq: 2 });
  await reconnect(world);
  await world
    .socket()
    .say(
      welcome({ resumed: true, resume: "r2", seq: 3, received: 0 }),
      { type: "offer", call: "c2", seq: 2 },
      { type: "offer", call: "c3", seq: 3 },
    );
  assert.deepEqual(
    offers.map(({ call }) => call),
    ["c1", "c2", "c3"],
  );
});

test("what the server has not taken up is sent again, in order, and nothing else", async () => {
  const world = await setUpConnected({ first: { resume: "r1" } });
  const { signalling } = world;
  const first = signalling.request({ type: "join", table: "one" });
  await world.socket().say({ type: "joined", id: world.socket().last("join").id, table: "one", seq: 1 });
  await first;
  signalling.send({ type: "candidate", call: "c1" });
  const second = signalling.request({ type: "join", table: "two" });
  signalling.send({ type: "candidate", call: "c2" });
  const third = signalling.request({ type: "join", table: "three" });
  const [, , , { id: secondId }] = world.socket().sent;
  await reconnect(world);
  signalling.send({ type: "candidate", call: "c3" });
  await world.socket().say(welcome({ resumed: true, resume: "r2", seq: 2, received: 3 }));
  assert.deepEqual(
    world
      .socket()
      .sent.slice(1)
      .map(({ call, table }) => call ?? table),
    ["c2", "three", "c3"],
  );
  const thirdId = world.socket().last("join").id;
  await world
    .socket()
    .say(
      { type: "joined", id: secondId, table: "two", seq: 2 },
      { type: "joined", id: thirdId, table: "three", seq: 3 },
    );
  assert.deepEqual([(await second).table, (await third).table], ["two", "three"]);
});

test("a pong acknowledges all that was sent before its ping", async () => {
  const world = await setUpConnected({ first: { resume: "r1" } });
  world.signalling.send({ type: "candidate", call: "c1" });
  await world.clock.pass(15_000);
  world.signalling.send({ type: "candidate", call: "c2" });
  await world.socket().say({ type: "pong", id: world.socket().last("ping").id });
  await reconnect(world);
  await world.socket().say(welcome({ resumed: true, resume: "r2", seq: 0, received: 0 }));
  assert.deepEqual(
    world
      .socket()
      .all("candidate")
      .map(({ call }) => call),
    ["c2"],
  );
});

test("in a new session what was asked of the old one is refused, and numbers begin anew", async () => {
  const world = await setUpConnected({ first: { resume: "r1" } });
  const lost = heard(world.signalling, "session_lost");
  await world.socket().say({ type: "table", table: "camelot", seq: 1 });
  const request = world.signalling.request({ type: "offer", call: "c1" });
  const outcome = assert.rejects(request, { code: "session_lost" });
  await reconnect(world);
  await world.socket().say(welcome({ resumed: false, resume: "r9" }));
  await outcome;
  assert.equal(lost.length, 1);
  assert.deepEqual(
    world.socket().sent.map(({ type }) => type),
    ["hello"],
  );
  const offers = heard(world.signalling, "offer");
  await world.socket().say({ type: "offer", call: "c2", seq: 1 });
  assert.equal(offers.length, 1);
  world.signalling.send({ type: "candidate", call: "c2" });
  await reconnect(world);
  await world.socket().say(welcome({ resumed: true, resume: "r10", seq: 1, received: 1 }));
  assert.equal(world.socket().all("candidate").length, 0, "the one message of this session was taken up");
});

test("a server without resume gets a plain hello", async () => {
  const world = await setUpConnected({ first: { proof: "p" } });
  const lost = heard(world.signalling, "session_lost");
  await world.socket().say({ type: "table", table: "camelot", seq: 1 });
  await reconnect(world);
  assert.deepEqual(world.socket().sent, [{ type: "hello", peer: ADA, proof: "p" }]);
  await world.socket().say(welcome());
  assert.equal(lost.length, 1);
});

// Signs of life

test("it pings, and every answer is a sign of life", async () => {
  const world = await setUpConnected();
  for (let beat = 1; beat <= 6; beat += 1) {
    await world.clock.pass(15_000);
    assert.equal(world.socket().all("ping").length, beat);
    await world.socket().say({ type: "pong", id: world.socket().last("ping").id });
  }
  assert.equal(world.sockets.length, 1);
});

test("when nothing has come for 45 s it gives the connection up", async () => {
  const world = await setUpConnected();
  await world.clock.pass(44_999);
  assert.equal(world.signalling.state, "connected");
  await world.clock.pass(1);
  assert.equal(world.signalling.state, "reconnecting");
  assert.ok(!world.sockets[0].isOpen);
  await world.clock.pass(1_000);
  assert.equal(world.sockets.length, 2);
});

test("a frame from a connection that was given up is not heard", async () => {
  const world = await setUpConnected();
  const offers = heard(world.signalling, "offer");
  await world.clock.pass(46_000);
  await world.sockets[0].say({ type: "offer", call: "c1", seq: 1 });
  await world.sockets[0].end(4500);
  assert.deepEqual(offers, []);
  assert.equal(world.signalling.state, "reconnecting");
});

for (const [what, open] of [
  ["a handshake that hangs", async () => {}],
  ["a hello that is not answered", (socket) => socket.open()],
]) {
  test(`${what} is given up while the server still keeps the session`, async () => {
    const world = setUp();
    world.signalling.connect();
    await open(world.socket());
    await world.clock.pass(14_999);
    assert.ok(world.sockets[0].isOpen);
    await world.clock.pass(1);
    assert.equal(world.signalling.state, "reconnecting");
    assert.ok(!world.sockets[0].isOpen);
    await world.clock.pass(1_000);
    assert.equal(world.sockets.length, 2);
  });
}

/** A hello got no answer, so it has connected anew: now the old hello arrives, and takes the session over. */
async function supersededByStray(patience) {
  const world = await setUpConnected({ first: { resume: "r1", proof: "p" } });
  await reconnect(world);
  await world.clock.pass(15_000);
  await redialled(world);
  await world.socket().open();
  await world.socket().say(welcome({ resumed: true, resume: "r2", received: 0 }));
  for (let passed = 0; passed < patience; passed += 10_000) {
    await world.clock.pass(10_000);
    await world.socket().say({ type: "pong", id: "0" });
  }
  await world.socket().end(4505);
  return world;
}

test("who was superseded by an old hello of its own comes back, once", async () => {
  const world = await supersededByStray(60_000);
  assert.equal(world.signalling.state, "reconnecting");
  await redialled(world);
  await world.socket().open();
  await world.socket().say(welcome({ resume: "r3" }));
  assert.equal(world.signalling.state, "connected");
  await world.socket().end(4505);
  assert.equal(world.signalling.state, "closed");
});

test("no hello is under way for longer than two minutes", async () => {
  const world = await supersededByStray(120_000);
  assert.equal(world.signalling.state, "closed");
});

// The network

test("when the network is back, the back-off begins anew", async () => {
  const network = new EventTarget();
  const world = await setUpConnected({ network });
  const events = heard(world.signalling, "state");
  for (let loss = 0; loss < 5; loss += 1) {
    await world.socket().end(1006);
    await redialled(world);
  }
  await world.socket().end(1006);
  assert.equal(events.at(-1).retryIn, 30);
  network.dispatchEvent(new Event("online"));
  assert.equal(events.at(-1).retryIn, 1);
  const before = world.sockets.length;
  await world.clock.pass(1_000);
  assert.equal(world.sockets.length, before + 1);
  await world.clock.pass(14_000);
  assert.equal(world.sockets.length, before + 1, "there is one connection, and one timer");
});

test("a handshake that was sent into a dead network is not waited for", async () => {
  const network = new EventTarget();
  const world = await setUpConnected({ network });
  await world.socket().end(1006);
  await redialled(world);
  network.dispatchEvent(new Event("online"));
  assert.ok(!world.sockets[1].isOpen);
  await world.clock.pass(1_000);
  assert.equal(world.sockets.length, 3);
});

test("a network that is back does not shorten what the server asked for", async () => {
  const network = new EventTarget();
  const world = await setUpConnected({ network });
  const events = heard(world.signalling, "state");
  await world.socket().say({ type: "going_away", retry_after: 7, seq: 1 });
  await world.socket().end(4000);
  network.dispatchEvent(new Event("online"));
  assert.equal(events.at(-1).retryIn, 8);
});

test("the network does not matter to who is connected, or has ended", async () => {
  const network = new EventTarget();
  const world = await setUpConnected({ network });
  network.dispatchEvent(new Event("online"));
  assert.equal(world.signalling.state, "connected");
  world.signalling.bye();
  network.dispatchEvent(new Event("online"));
  assert.equal(world.signalling.state, "closed");
  assert.equal(world.clock.pending, 0);
});

// Asleep

test("a page whose timers slept does not take its own silence for the server's", async () => {
  const world = await setUpConnected();
  world.clock.time += 600_000;
  await world.clock.pass(1);
  assert.equal(world.signalling.state, "connected");
  assert.equal(world.socket().all("ping").length, 1);
});

// Ending

test("bye ends the session and all that waits", async () => {
  const world = await setUpConnected();
  const events = heard(world.signalling, "state");
  const request = world.signalling.request({ type: "join", table: "camelot" });
  const outcome = assert.rejects(request, { code: "closed" });
  world.signalling.bye();
  await outcome;
  assert.deepEqual(world.socket().sent.at(-1), { type: "bye" });
  assert.ok(!world.socket().isOpen);
  assert.deepEqual(
    events.map(({ state }) => state),
    ["closed"],
  );
  await world.clock.pass(120_000);
  assert.equal(world.sockets.length, 1);
  await assert.rejects(world.signalling.request({ type: "join", table: "camelot" }), { code: "closed" });
  assert.throws(() => world.signalling.send({ type: "candidate" }), { code: "closed" });
});

test("after bye one may connect again, as nobody who was there before", async () => {
  const world = await setUpConnected({ first: { resume: "r1" } });
  const lost = heard(world.signalling, "session_lost");
  world.signalling.bye();
  const opened = world.signalling.connect();
  await world.socket().open();
  assert.deepEqual(world.socket().sent, [{ type: "hello" }]);
  await world.socket().say(welcome());
  await opened;
  assert.deepEqual(lost, []);
});

test("bye while it reconnects gives up", async () => {
  const world = await setUpConnected();
  await world.socket().end(1006);
  world.signalling.bye();
  assert.equal(world.signalling.state, "closed");
  assert.equal(world.clock.pending, 0);
});

test("an address that is none is refused at once", async () => {
  const { signalling } = setUp({
    WebSocket: class {
      constructor() {
        throw new DOMException("not an address", "SyntaxError");
      }
    },
  });
  await assert.rejects(signalling.connect(), { name: "SyntaxError" });
  assert.equal(signalling.state, "closed");
});

// ICE servers

test("credentials of ICE servers are renewed before they end", async () => {
  const world = await setUpConnected({ first: { ice_ttl: 600 } });
  const renewed = heard(world.signalling, "ice_servers");
  for (let second = 0; second < 449; second += 10) {
    await world.clock.pass(10_000);
    await world.socket().say({ type: "pong", id: "0" });
  }
  const { id } = world.socket().last("ice_servers");
  await world
    .socket()
    .say({ type: "ice_servers", id, ice_servers: [{ urls: "turn:192.0.2.1" }], ice_ttl: 600, seq: 1 });
  assert.deepEqual(renewed, [[{ urls: "turn:192.0.2.1" }]]);
  assert.deepEqual(world.signalling.iceServers, [{ urls: "turn:192.0.2.1" }]);
});

test("a renewal that is refused is an error, and no unhandled rejection", async () => {
  const world = await setUpConnected({ first: { ice_ttl: 20 } });
  const errors = heard(world.signalling, "error");
  await world.clock.pass(15_000);
  const { id } = world.socket().last("ice_servers");
  await world
    .socket()
    .say({ type: "error", id, about: "ice_servers", code: "rate_limited", message: "slowly", retry_after: 1, seq: 1 });
  await settled();
  assert.equal(errors[0].code, "rate_limited");
});

for (const [retryAfter, seconds] of [
  [7, 7],
  [undefined, 60],
]) {
  test(`a renewal that is refused is tried again after ${seconds} s`, async () => {
    const world = await setUpConnected({ first: { ice_ttl: 20, limits: { silence_seconds: 900 } } });
    await world.clock.pass(15_000);
    const { id } = world.socket().last("ice_servers");
    const refusal = { about: "ice_servers", code: "internal", message: "no", retry_after: retryAfter };
    await world.socket().say({ type: "error", id, ...refusal, seq: 1 });
    await world.clock.pass(seconds * 1000 - 1);
    assert.equal(world.socket().all("ice_servers").length, 1);
    await world.clock.pass(1);
    assert.equal(world.socket().all("ice_servers").length, 2);
  });
}

test("a renewal that ends with the session is not tried again", async () => {
  const world = await setUpConnected({ first: { ice_ttl: 20 } });
  await world.clock.pass(15_000);
  await world.socket().end(4503);
  assert.equal(world.clock.pending, 0);
});

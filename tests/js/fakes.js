// What a browser gives the client, under the control of a test: sockets, the clock, storage, peer connections.

import { Phone, Signalling } from "../../signalling/static/signalling/roundtable.js";

export const ADA = "630dcd29-66c4-8336-9a44-495122eec96d";
export const GRACE = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
export const LINUS = "a3bb189e-8bf9-4f9e-9d4f-3c3a6f2d7b10";

/** Until everything that is under way without a timer has happened. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export class FakeClock {
  time = 1_000;
  #timers = new Map();
  #last = 0;

  now = () => this.time;

  setTimeout = (callback, delay) => {
    this.#timers.set(++this.#last, { callback, due: this.time + Math.max(0, delay) });
    return this.#last;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  /** Lets time pass, with every timer at its moment. */
  async pass(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { due }]) => due <= end).sort(([, a], [, b]) => a.due - b.due);
      if (!next) break;
      this.#timers.delete(next[0]);
      this.time = Math.max(this.time, next[1].due);
      next[1].callback();
      await settled();
    }
    this.time = end;
  }

  get pending() {
    return this.#timers.size;
  }
}

export class FakeStorage {
  values = new Map();
  getItem = (key) => this.values.get(key) ?? null;
  setItem = (key, value) => void this.values.set(key, value);
  removeItem = (key) => void this.values.delete(key);
}

/** The client's end of a WebSocket; the test is the server. */
export class FakeSocket {
  onopen = null;
  onmessage = null;
  onclose = null;
  sent = [];
  isOpen = true;

  constructor(url, protocol) {
    Object.assign(this, { url, protocol });
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isOpen = false;
  }

  async open() {
    this.onopen?.({});
    await settled();
  }

  /** The server says this. */
  async say(...frames) {
    for (const frame of frames) {
      this.onmessage?.({ data: JSON.stringify(frame) });
      await settled();
    }
  }

  async end(code) {
    this.isOpen = false;
    this.onclose?.({ code });
    await settled();
  }

  /** What the client has sent of this type. */
  all(type) {
    return this.sent.filter((frame) => frame.type === type);
  }

  last(type) {
    return this.all(type).at(-1);
  }
}

export const welcome = (fields = {}) => ({
  type: "welcome",
  peer: ADA,
  resumed: false,
  seq: 0,
  identifier: identifier(ADA, "http://127.0.0.1:1066"),
  ice_servers: [{ urls: ["stun:127.0.0.1"] }],
  ice_ttl: null,
  limits: { silence_seconds: 45 },
  heartbeat: 20,
  server: "test",
  ...fields,
});

export const identifier = (uuid, address) => btoa(JSON.stringify({ Uuid: uuid, PublicIP: address }));

/** A Signalling, all its sockets so far, and what its surroundings are made of. */
export function setUp(options = {}) {
  const sockets = [];
  class WebSocket extends FakeSocket {
    constructor(url, protocol) {
      super(url, protocol);
      sockets.push(this);
    }
  }
  const clock = new FakeClock();
  const storage = new FakeStorage();
  const signalling = new Signalling("ws://127.0.0.1:1066/signal", {
    WebSocket,
    storage,
    timers: clock,
    random: () => 1,
    ...options,
  });
  return { signalling, sockets, clock, storage, socket: () => sockets.at(-1) };
}

export async function setUpConnected({ first = {}, ...options } = {}) {
  const world = setUp(options);
  const opened = world.signalling.connect();
  await world.socket().open();
  await world.socket().say(welcome(first));
  await opened;
  return world;
}

/** Waits until the client connects again: a few seconds, with the back-off. */
export async function redialled({ sockets, clock }) {
  const before = sockets.length;
  for (let second = 0; second < 40 && sockets.length === before; second += 1) await clock.pass(1_000);
}

/** A connected Phone, and the peer connections that it made. */
export async function setUpPhone(options = {}) {
  const world = await setUpConnected(options);
  const connections = [];
  class RTCPeerConnection extends FakePeerConnection {
    constructor(configuration) {
      super(configuration);
      connections.push(this);
    }
  }
  return { ...world, phone: new Phone(world.signalling, { RTCPeerConnection }), connections };
}

/** The details of an event, as they come. */
export function heard(target, type) {
  const details = [];
  target.addEventListener(type, ({ detail }) => details.push(detail));
  return details;
}

export class FakeTrack {
  kind = "audio";
  enabled = true;
}

export class FakeStream {
  tracks = [new FakeTrack()];
  getTracks = () => this.tracks;
  getAudioTracks = () => this.tracks;
}

export const candidate = (number, usernameFragment = null) => ({
  candidate: `candidate:${number} 1 udp 1 192.0.2.${number} 9 typ host`,
  sdpMid: "0",
  sdpMLineIndex: 0,
  usernameFragment,
});

/** The signalling state machine of JSEP (RFC 8829, section 3.2), without media. */
export class FakePeerConnection {
  signalingState = "stable";
  iceGatheringState = "new";
  connectionState = "new";
  localDescription = null;
  remoteDescription = null;
  tracks = [];
  transceivers = [];
  candidates = [];
  log = [];
  restarts = 0;
  rejects = null;
  closed = false;
  #offers = 0;
  #stable = { local: null, remote: null };

  constructor(configuration) {
    this.configuration = configuration;
  }

  setConfiguration(configuration) {
    this.configuration = configuration;
  }

  addTrack(track) {
    this.tracks.push(track);
  }

  addTransceiver(kind, init) {
    this.transceivers.push({ kind, ...init });
  }

  restartIce() {
    this.restarts += 1;
    this.needNegotiation();
  }

  needNegotiation() {
    this.onnegotiationneeded?.();
  }

  async setLocalDescription(description = {}) {
    await null;
    this.#checkOpen();
    if (description.type === "rollback") return this.#rollBack();
    if (this.signalingState === "have-remote-offer") return this.#complete("answer");
    this.log.push("offer");
    this.signalingState = "have-local-offer";
    this.localDescription = { type: "offer", sdp: `v=0\r\noffer ${++this.#offers}\r\n` };
  }

  async setRemoteDescription(description) {
    await null;
    this.#checkOpen();
    if (this.rejects) throw this.rejects;
    if (description.type === "offer") {
      if (this.signalingState === "have-local-offer") this.#rollBack();
      if (this.signalingState !== "stable") throw new DOMException("not stable", "InvalidStateError");
      this.signalingState = "have-remote-offer";
      this.remoteDescription = description;
    } else {
      if (this.signalingState !== "have-local-offer") throw new DOMException("no offer", "InvalidStateError");
      this.remoteDescription = description;
      this.#becomeStable();
    }
    this.log.push(`remote ${description.type}`);
  }

  async addIceCandidate(init) {
    await null;
    if (!this.remoteDescription) throw new DOMException("too early", "InvalidStateError");
    if (init?.candidate === "nonsense") throw new DOMException("what is that?", "OperationError");
    this.candidates.push(init);
  }

  /** What `getStats` tells: objects with an `id`. */
  stats = [];

  async getStats() {
    await null;
    return new Map(this.stats.map((entry) => [entry.id, entry]));
  }

  close() {
    this.closed = true;
    this.signalingState = "closed";
    this.connectionState = "closed";
  }

  // What the test makes happen

  become(connectionState) {
    this.connectionState = connectionState;
    this.onconnectionstatechange?.();
  }

  gather(...candidates) {
    for (const candidate of candidates) this.onicecandidate?.({ candidate });
  }

  finishGathering() {
    this.iceGatheringState = "complete";
    this.localDescription.sdp += "a=candidate\r\n";
    this.onicegatheringstatechange?.();
  }

  #complete(type) {
    this.log.push(type);
    this.localDescription = { type, sdp: `v=0\r\n${type}\r\n` };
    this.#becomeStable();
  }

  #becomeStable() {
    this.signalingState = "stable";
    this.#stable = { local: this.localDescription, remote: this.remoteDescription };
  }

  #rollBack() {
    this.log.push("rollback");
    this.signalingState = "stable";
    this.localDescription = this.#stable.local;
    this.remoteDescription = this.#stable.remote;
    queueMicrotask(() => this.needNegotiation());
  }

  #checkOpen() {
    if (this.closed) throw new DOMException("closed", "InvalidStateError");
  }
}

// The browser client of a Roundtable signalling server (docs/browser-client.md; the protocol is docs/protocol.md).
//
//   Signalling   the WebSocket: greeting, acknowledgements, reconnecting, resuming. Knows nothing of WebRTC.
//   Phone        the calls over one Signalling: dials, and is called.
//   Call         one RTCPeerConnection and its negotiation.
//   Table        a call with each peer who sits at a table.
//
// All of them are EventTargets, and their events are CustomEvents. Nothing is written to the console: what fails
// rejects a promise, or comes as an event.

const SUBPROTOCOL = "roundtable.v1";
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** A connection that stood for so long was a good one: after its loss the back-off begins anew. */
const STEADY_MS = 10_000;
const SILENCE_SECONDS = 45;
/** Who is not welcome by then tries anew: there is time for several tries while the server keeps the session. */
const OPENING_MS = 15_000;
/** For so long a hello that we have given up may still reach the server: TCP sends again what was not acknowledged. */
const STRAY_MS = 120_000;
const SUPERSEDED = 4505;
/** An ICE server's credentials are renewed when so much of their time has passed. */
const RENEW_AT = 0.75;
/** A timer with a longer delay would fire at once (HTML, timer initialisation steps). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** When a refused renewal is tried again, unless the server says. */
const RENEW_AGAIN_SECONDS = 60;
const CANDIDATES_PER_MESSAGE = 32;
/** Candidates of one burst travel together: hosts are found within a few milliseconds. */
const CANDIDATE_BATCH_MS = 20;
/** For candidates of a peer whose description we do not have yet. */
const MAX_EARLY_CANDIDATES = 256;
/** A STUN server that does not answer holds up gathering for longer than a caller waits. */
const GATHERING_MS = 5_000;
/** ICE restarts in a row that may fail before the call does. */
const MAX_ICE_RESTARTS = 3;
const MAX_PAST_CALLS = 256;
/** What a call tells the server of its connection. One that comes and goes is not told of for ever. */
const MAX_REPORTS = 8;
/** RFC 8839, section 5.1; some browsers have other words of their own. */
const CANDIDATE_TYPES = new Set(["host", "srflx", "prflx", "relay"]);
/** Only the other's signalling ended, not its media. */
const SIGNALLING_ENDED = new Set(["gone", "draining"]);
/** Our own session ended: for everything that was under way in it. */
const SESSION_ENDS = new Set(["session_lost", "closed"]);
/** Refusals of a hello that pass. */
const PASSING_REFUSALS = new Set(["draining", "rate_limited", "internal"]);
/** Refusals of an offer that pass. */
const LIMITS_REACHED = new Set(["rate_limited", "limit_exceeded"]);
/** Refusals of a seat that may be had later: somebody leaves, or the host unlocks the table. */
const SEAT_MAY_COME_FREE = new Set(["table_locked", "table_full"]);

/** After these, and any other from 4500 to 4999, one does not connect again. @type {Record<number, string>} */
const FINAL_CLOSE_CODES = {
  1002: "protocol_error",
  1007: "protocol_error",
  1009: "too_large",
  4500: "protocol_error",
  4501: "unauthorized",
  4503: "disconnected",
  4504: "identity_taken",
  [SUPERSEDED]: "superseded",
};

/**
 * A message of the protocol, sent or received.
 * @typedef {{ type: string, [field: string]: any }} Frame
 *
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} IdentityStorage
 *
 * @typedef {object} Timers  what is needed of the clock; times are milliseconds
 * @property {() => number} now  monotonic
 * @property {(callback: () => void, delay: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

/** @type {Timers} */
const SYSTEM_TIMERS = {
  now: () => performance.now(),
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};

/** What the server refused, or why a call or the connection ended. */
export class SignallingError extends Error {
  /**
   * @param {string} code  of the protocol, or `session_lost`, `closed`, `rejected`, or the name of a close code
   * @param {string} message  a sentence for people
   * @param {{ retryAfter?: number, call?: string, about?: string, reason?: string, closeCode?: number }} [details]
   */
  constructor(code, message, { retryAfter, call, about, reason, closeCode } = {}) {
    super(message);
    this.name = "SignallingError";
    this.code = code;
    /** In seconds. */
    this.retryAfter = retryAfter;
    this.call = call;
    /** The type of the message that was refused. */
    this.about = about;
    this.reason = reason;
    this.closeCode = closeCode;
  }

  /** @param {Frame} frame  of type `error` */
  static from({ code, message, retry_after: retryAfter, call, about, reason }) {
    return new SignallingError(code, message, { retryAfter, call, about, reason });
  }
}

/**
 * An EventTarget whose events are CustomEvents.
 * @template {object} Details  what each event has in its `detail`
 */
class Emitter extends EventTarget {
  /**
   * addEventListener, returning the function that undoes it.
   * @template {keyof Details & string} Type
   * @param {Type} type
   * @param {(event: CustomEvent<Details[Type]>) => void} listener
   */
  on(type, listener) {
    const untyped = /** @type {EventListener} */ (listener);
    this.addEventListener(type, untyped);
    return () => this.removeEventListener(type, untyped);
  }

  /**
   * @protected
   * @template {keyof Details & string} Type
   * @param {Type} type
   * @param {Details[Type]} detail
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * @typedef {{ resolve: (frame: Frame) => void, reject: (error: SignallingError) => void }} Settlement  of a promise
 *
 * @typedef {"closed" | "connecting" | "connected" | "reconnecting"} SignallingState
 *
 * @typedef {"offer" | "answer" | "candidate" | "reject" | "hangup"} CallFrameType
 * @typedef {"peer_joined" | "peer_left" | "table"} TableFrameType
 *
 * @typedef {{ retryIn?: number, closeCode?: number, error?: SignallingError }} StateDetails  `retryIn` in seconds
 *
 * @typedef {object} SessionEvents
 * @property {StateDetails & { state: SignallingState }} state
 * @property {Frame} welcome
 * @property {null} session_lost  the server has forgotten our session, its calls and its seats
 * @property {SignallingError} error  one that answers no request
 * @property {RTCIceServer[]} ice_servers  they are new
 *
 * @typedef {SessionEvents & Record<CallFrameType | TableFrameType | "going_away", Frame>} SignallingEvents
 */

/**
 * One session on the server, over as many WebSockets as it takes (protocol: Hello, Resuming, Close codes). Every frame
 * that answers no request is an event of its type, whether or not this version knows it.
 * @extends {Emitter<SignallingEvents>}
 */
export class Signalling extends Emitter {
  /** @type {SignallingState} */ state = "closed";
  /** Our UUID, from the first `welcome` on. */
  peer = "";
  /** What we hand out so that others can call us. */
  identifier = "";
  /** @type {RTCIceServer[]} */ iceServers = [];
  /** @type {Record<string, number>} */ limits = {};
  /** The server takes `report`; to one that does not, it is a mistake of ours. */
  reports = false;

  #WebSocket;
  #storage;
  #random;
  #network;
  /** @type {WebSocket | null} */ #socket = null;
  #greeted = false;
  /** @type {Promise<Frame> | undefined} */ #opened;
  /** @type {Settlement | undefined} */ #opening;

  /** @type {{ peer?: string, proof?: string }} */ #identity;
  #hasSession = false;
  /** @type {string | undefined} */ #resume;
  /** The number of the last frame that we got in this session. */
  #seq = 0;
  /** How many messages we have sent in this session, as the server counts them: without hello and ping. */
  #sent = 0;
  /** Those the server may not have taken up. @type {{ number: number, text: string }[]} */ #unacknowledged = [];
  /** @type {Map<string, Settlement & { number: number }>} */ #requests = new Map();
  #lastId = 0;

  #attempts = 0;
  #notBefore = 0;
  #limitedUntil = 0;
  #strayUntil = 0;
  #heardAt = 0;
  #unansweredPings = 0;
  /** @type {any} */ #retryTimer;
  /** @type {any} */ #openingTimer;
  /** @type {any} */ #steadyTimer;
  /** @type {any} */ #heartbeatTimer;
  /** @type {any} */ #renewalTimer;

  /**
   * @param {string} [url]  by default `/signal` on the host of this page
   * @param {object} [options]
   * @param {string} [options.name]  what people call us
   * @param {IdentityStorage | null} [options.storage]  keeps our id and its proof; by default sessionStorage, so that
   *   each tab is a peer of its own
   * @param {typeof globalThis.WebSocket} [options.WebSocket]
   * @param {Timers} [options.timers]
   * @param {() => number} [options.random]  from 0 to 1
   * @param {EventTarget} [options.network]  where `online` is told; by default this page
   */
  constructor(url = addressOfThisPage(), options = {}) {
    super();
    const { name, storage = storageOfThisTab(), WebSocket = globalThis.WebSocket } = options;
    const { timers = SYSTEM_TIMERS, random = Math.random, network = networkOfThisPage() } = options;
    this.url = url;
    /** Said in the next hello. */
    this.name = name;
    /** @internal */
    this.timers = timers;
    this.#WebSocket = WebSocket;
    this.#storage = storage;
    this.#random = random;
    this.#network = network;
    this.#identity = this.#storedIdentity();
  }

  /** Connects, and goes on trying. Fulfilled by the first `welcome`; rejected when the server wants us no more. */
  async connect() {
    if (this.state === "closed") {
      this.#open();
      this.#opened = new Promise((resolve, reject) => (this.#opening = { resolve, reject }));
      this.#attempts = 0;
      this.#network.addEventListener("online", this.#networkIsBack);
      this.#become("connecting");
    }
    return /** @type {Promise<Frame>} */ (this.#opened);
  }

  /**
   * Sends a message; the answer is its `ack` or the reply named for it. Without a connection it waits for the next one.
   * @param {Frame} message
   * @returns {Promise<Frame>}  rejected with a SignallingError
   */
  request(message) {
    if (this.state === "closed") return Promise.reject(closedError());
    const id = `r${++this.#lastId}`;
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { number: this.#sent + 1, resolve, reject });
      this.send({ ...message, id });
    });
  }

  /**
   * Sends a message without an answer, unless it is refused: then comes an `error` event.
   * @param {Frame} message
   */
  send(message) {
    if (this.state === "closed") throw closedError();
    const text = JSON.stringify(message);
    this.#unacknowledged.push({ number: ++this.#sent, text });
    if (this.#greeted) this.#socket?.send(text);
  }

  /** Ends the session, and all its calls and seats, now. */
  bye() {
    if (this.state === "closed") return;
    if (this.#greeted) this.send({ type: "bye" });
    this.#end(closedError());
  }

  get #key() {
    return `roundtable ${this.url}`;
  }

  // The connection

  #open() {
    const socket = new this.#WebSocket(this.url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(this.#hello()));
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => this.#lost(code);
    this.#openingTimer = this.timers.setTimeout(() => this.#giveUpOpening(), OPENING_MS);
  }

  #giveUpOpening() {
    this.#strayUntil = this.timers.now() + STRAY_MS;
    this.#lost();
  }

  #hello() {
    const resume = this.#resume && { resume: this.#resume, seq: this.#seq };
    return { type: "hello", name: this.name, ...this.#identity, ...resume };
  }

  /** @param {number} [code]  none when we gave it up */
  #lost(code) {
    this.#abandon();
    if (code && isFinal(code) && !this.#wasStray(code)) {
      const message = `the server has closed the connection for good (${code})`;
      this.#end(new SignallingError(FINAL_CLOSE_CODES[code] ?? "closed", message, { closeCode: code }));
      return;
    }
    this.#openLater(code);
  }

  /** @param {number} [code] */
  #openLater(code) {
    const delay = this.#retryDelay(code);
    this.#retryTimer = this.timers.setTimeout(() => this.#open(), delay);
    this.#become("reconnecting", { retryIn: delay / 1000, closeCode: code });
  }

  /** Nobody but we ourselves, by a hello that came late: its connection is one that we have left. @param {number} code */
  #wasStray(code) {
    const isStray = code === SUPERSEDED && this.timers.now() < this.#strayUntil;
    if (isStray) this.#strayUntil = 0; // once: two tabs shall not fight
    return isStray;
  }

  /** What we have waited for is here: the back-off begins anew, and a handshake that was sent to nobody with it. */
  #networkIsBack = () => {
    if (this.state !== "reconnecting") return;
    this.#abandon();
    this.#attempts = 0;
    this.#openLater();
  };

  /** The server tells everybody the same time to wait: the jitter comes after it. @param {number} [code] */
  #retryDelay(code) {
    const notBefore = code === 4003 ? Math.max(this.#notBefore, this.#limitedUntil) : this.#notBefore;
    return Math.max(0, notBefore - this.timers.now()) + this.backOff(this.#attempts++);
  }

  /**
   * Full jitter: everybody comes back after a restart, but not at once.
   * @internal @param {number} attempts  so far @returns {number} milliseconds
   */
  backOff(attempts) {
    return this.#random() * Math.min(RETRY_MS * 2 ** attempts, LONGEST_RETRY_MS);
  }

  /** Hears no more of this WebSocket: the closing handshake of one that is dead takes minutes. */
  #abandon() {
    this.#greeted = false;
    this.timers.clearTimeout(this.#heartbeatTimer);
    this.timers.clearTimeout(this.#retryTimer);
    this.timers.clearTimeout(this.#openingTimer);
    this.timers.clearTimeout(this.#steadyTimer);
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /** @param {SignallingError} error */
  #end(error) {
    this.#abandon();
    this.timers.clearTimeout(this.#renewalTimer);
    this.#network.removeEventListener("online", this.#networkIsBack);
    if (error.code === "identity_taken") this.#forgetIdentity();
    this.#forgetSession(error);
    this.#hasSession = false;
    this.#resume = undefined;
    this.#opening?.reject(error);
    this.#become("closed", { closeCode: error.closeCode, error });
  }

  /** @param {SignallingState} state @param {StateDetails} [details] */
  #become(state, details) {
    this.state = state;
    this.emit("state", { state, ...details });
  }

  // Signs of life: a browser's script does not see the server's pings (RFC 6455, section 5.5.2)

  #hear() {
    this.#heardAt = this.timers.now();
    this.#unansweredPings = 0;
  }

  #scheduleHeartbeat() {
    this.timers.clearTimeout(this.#heartbeatTimer);
    this.#heartbeatTimer = this.timers.setTimeout(() => this.#beat(), (this.#silenceSeconds * 1000) / 3);
  }

  get #silenceSeconds() {
    return this.limits.silence_seconds ?? SILENCE_SECONDS;
  }

  /** A page in the background may be called once a minute only: silence counts when pings went unanswered. */
  #beat() {
    const silentMs = this.timers.now() - this.#heardAt;
    if (this.#unansweredPings >= 2 && silentMs >= this.#silenceSeconds * 1000) {
      this.#lost();
      return;
    }
    this.#unansweredPings += 1;
    this.#socket?.send(JSON.stringify({ type: "ping", id: `${this.#sent}` }));
    this.#scheduleHeartbeat();
  }

  // What comes in

  /** @param {Frame} frame */
  #receive(frame) {
    this.#hear();
    if (frame.type === "welcome") this.#welcome(frame);
    else if (!this.#greeted) this.#refused(frame);
    else if (!(frame.seq <= this.#seq)) this.#take(frame);
  }

  /** A frame that is new; one with a `seq` that we have had already is not. @param {Frame} frame */
  #take(frame) {
    this.#seq = frame.seq ?? this.#seq;
    if (frame.type === "going_away") this.#notBefore = this.#after(frame.retry_after);
    if (frame.code === "rate_limited") this.#limitedUntil = this.#after(frame.retry_after);
    const request = this.#requests.get(frame.id);
    if (request) this.#settle(request, frame);
    else if (frame.type === "pong") this.#acknowledge(Number(frame.id));
    else if (frame.type === "error") this.emit("error", SignallingError.from(frame));
    else this.emit(/** @type {"offer"} */ (frame.type), frame);
  }

  /** @param {Settlement & { number: number }} request @param {Frame} frame */
  #settle(request, frame) {
    this.#requests.delete(frame.id);
    this.#acknowledge(request.number);
    if (frame.type === "error") request.reject(SignallingError.from(frame));
    else request.resolve(frame);
  }

  /** The server takes messages up in order: with this one it has taken up all before it. @param {number} number */
  #acknowledge(number) {
    this.#unacknowledged = this.#unacknowledged.filter((message) => message.number > number);
  }

  /** @param {number | undefined} seconds */
  #after(seconds) {
    return this.timers.now() + (seconds ?? 0) * 1000;
  }

  // The session

  /** @param {Frame} frame */
  #welcome(frame) {
    const lost = this.#hasSession && !frame.resumed;
    if (lost) this.#forgetSession(new SignallingError("session_lost", "the server has forgotten this session"));
    if (!frame.resumed) this.#seq = 0;
    this.#greeted = true;
    this.#hasSession = true;
    this.timers.clearTimeout(this.#openingTimer);
    this.#steadyTimer = this.timers.setTimeout(() => (this.#attempts = 0), STEADY_MS);
    this.#resume = frame.resume;
    this.peer = frame.peer;
    this.identifier = frame.identifier;
    this.limits = frame.limits ?? {};
    this.reports = frame.reports === true;
    this.#keepIdentity(frame);
    this.#acknowledge(frame.received ?? 0);
    for (const { text } of this.#unacknowledged) this.#socket?.send(text);
    this.#scheduleHeartbeat();
    this.#keepIceServers(frame);
    if (lost) this.emit("session_lost", null);
    this.#become("connected");
    this.emit("welcome", frame);
    this.#opening?.resolve(frame);
  }

  /** An error before the welcome. @param {Frame} frame */
  #refused(frame) {
    if (frame.type !== "error") return;
    this.#notBefore = this.#after(frame.retry_after);
    if (!PASSING_REFUSALS.has(frame.code)) this.#end(SignallingError.from(frame));
  }

  /** @param {SignallingError} error  for those who wait for an answer */
  #forgetSession(error) {
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    this.#unacknowledged = [];
    this.#sent = 0;
    for (const { reject } of requests) reject(error);
  }

  // The identity. Where a storage fails (it is full, denied, or holds what we did not write), the id lasts as long as
  // the page: nobody stays without a connection for that.

  /** @returns {{ peer?: string, proof?: string }} */
  #storedIdentity() {
    try {
      const { peer, proof } = JSON.parse(this.#storage?.getItem(this.#key) ?? "{}");
      return typeof peer === "string" && typeof proof === "string" ? { peer, proof } : {};
    } catch {
      return {};
    }
  }

  /** @param {Frame} frame */
  #keepIdentity({ peer, proof }) {
    if (!proof) return;
    this.#identity = { peer, proof };
    try {
      this.#storage?.setItem(this.#key, JSON.stringify(this.#identity));
    } catch {
      // See above.
    }
  }

  #forgetIdentity() {
    this.#identity = {};
    try {
      this.#storage?.removeItem(this.#key);
    } catch {
      // See above.
    }
  }

  // ICE servers

  /** @param {Frame} frame  `ice_ttl` in seconds, null for servers whose credentials last */
  #keepIceServers({ ice_servers, ice_ttl }) {
    this.iceServers = ice_servers ?? [];
    this.timers.clearTimeout(this.#renewalTimer);
    if (ice_ttl) this.#scheduleRenewal(ice_ttl * RENEW_AT);
    this.emit("ice_servers", this.iceServers);
  }

  /** @param {number} seconds */
  #scheduleRenewal(seconds) {
    this.timers.clearTimeout(this.#renewalTimer);
    const delay = Math.min(seconds * 1000, LONGEST_TIMER_MS);
    this.#renewalTimer = this.timers.setTimeout(() => this.#renewIceServers(), delay);
  }

  #renewIceServers() {
    this.request({ type: "ice_servers" }).then(
      (frame) => this.#keepIceServers(frame),
      (error) => this.#renewalRefused(error),
    );
  }

  /** @param {SignallingError} error  of the session's end: the next welcome brings new servers */
  #renewalRefused(error) {
    if (this.state === "closed" || isSessionEnd(error)) return;
    this.#scheduleRenewal(error.retryAfter ?? RENEW_AGAIN_SECONDS);
    this.emit("error", error);
  }
}

/**
 * @typedef {object} PhoneEvents
 * @property {Call} incoming  accept or reject it
 */

/**
 * The calls over one Signalling. Makes them, and hands each frame to the call that it belongs to.
 * @extends {Emitter<PhoneEvents>}
 */
export class Phone extends Emitter {
  /** The open calls. @type {Map<string, Call>} */ calls = new Map();
  /** @internal @type {Map<string, Table>} */ tables = new Map();
  /** @type {Set<string>} */ #past = new Set();
  #configuration;

  /**
   * @param {Signalling} signalling
   * @param {object} [options]
   * @param {typeof RTCPeerConnection} [options.RTCPeerConnection]
   * @param {RTCConfiguration} [options.configuration]  of every connection, beside the server's `iceServers`
   */
  constructor(signalling, { RTCPeerConnection = globalThis.RTCPeerConnection, configuration = {} } = {}) {
    super();
    this.signalling = signalling;
    /** @internal */ this.RTCPeerConnection = RTCPeerConnection;
    this.#configuration = configuration;
    signalling.on("offer", ({ detail }) => this.#offered(detail));
    for (const type of /** @type {const} */ (["answer", "candidate", "reject", "hangup"])) {
      signalling.on(type, ({ detail }) => this.#callWith(detail)?.receive(detail));
    }
    signalling.on("error", ({ detail }) => this.#failed(detail));
    signalling.on("ice_servers", () => this.#each((call) => call.connection?.setConfiguration(this.configuration)));
    signalling.on("session_lost", () => this.#each((call) => call.signallingLost("session_lost")));
    signalling.on("state", ({ detail }) => this.#signallingBecame(detail.state, detail.error));
  }

  /** @internal @returns {RTCConfiguration} */
  get configuration() {
    return { ...this.#configuration, iceServers: this.signalling.iceServers };
  }

  /**
   * Calls a peer: at once, and what becomes of it are events of the call.
   * @param {string} to  a peer's UUID or identifier
   * @param {object} [options]
   * @param {MediaStream | null} [options.stream]  without one we only listen
   * @param {string} [options.table]  where both sit
   */
  dial(to, { stream = null, table } = {}) {
    const { peer, publicAddress } = readIdentifier(to);
    const isHere = !publicAddress || publicAddress === readIdentifier(this.signalling.identifier).publicAddress;
    const call = this.#add(new Call(this, { id: crypto.randomUUID(), peer, to, table, trickle: isHere }));
    call.dial(stream);
    return call;
  }

  /** Hangs up all calls. */
  close() {
    this.#each((call) => call.hangup());
  }

  /** @param {Frame} frame */
  #offered(frame) {
    const call = this.#callWith(frame);
    const table = this.tables.get(frame.table);
    if (call) call.receive(frame);
    else if (this.calls.has(frame.call)) this.#decline(frame, "failed");
    else if (this.#past.has(frame.call) || (frame.table && !table)) this.#decline(frame, "declined");
    else if (table) table.admit(this.#addIncoming(frame));
    else this.emit("incoming", this.#addIncoming(frame));
  }

  /** @param {Frame} frame @param {string} reason */
  #decline({ call }, reason) {
    this.signalling.send({ type: "reject", call, reason });
  }

  /** The call of a frame, unless it is somebody else's who uses the same id. @param {Frame} frame */
  #callWith({ call: id, from }) {
    const call = this.calls.get(id);
    return call?.peer === from ? call : undefined;
  }

  /** The outcome of an offer has a call and refuses no message. @param {SignallingError} error */
  #failed(error) {
    if (error.call && !error.about) this.calls.get(error.call)?.offerFailed(error);
  }

  /** @param {SignallingState} state @param {SignallingError} [error] */
  #signallingBecame(state, error) {
    if (state !== "closed") return;
    this.#each((call) => (error?.code === "closed" ? call.hangup("bye") : call.signallingLost("closed")));
  }

  /** @param {Frame} frame */
  #addIncoming({ call: id, from: peer, name, via, table, trickle, ...offer }) {
    return this.#add(new Call(this, { id, peer, to: peer, name, via, table, trickle, offer }));
  }

  /** @param {Call} call */
  #add(call) {
    this.calls.set(call.id, call);
    call.on("ended", () => this.#remove(call));
    return call;
  }

  /** Its id is remembered: who has not noticed its end would otherwise seem to call anew. @param {Call} call */
  #remove(call) {
    this.calls.delete(call.id);
    this.#past.add(call.id);
    if (this.#past.size > MAX_PAST_CALLS) this.#past.delete([...this.#past][0]);
  }

  /** @param {(call: Call) => void} action */
  #each(action) {
    for (const call of [...this.calls.values()]) action(call);
  }
}

/**
 * @typedef {"ringing" | "connecting" | "connected" | "disconnected" | "failed" | "ended"} CallState
 *
 * @typedef {object} CallEvents
 * @property {{ state: CallState }} state
 * @property {{ track: MediaStreamTrack, stream: MediaStream }} track  of theirs
 * @property {MediaStream} stream  a new one of theirs
 * @property {Error} error  something failed, and the call goes on
 * @property {{ reason: string, local: boolean, error: Error | null }} ended  comes once
 */

/**
 * @typedef {object} CallFacts
 * @property {string} id
 * @property {string} peer
 * @property {string} to
 * @property {boolean} trickle
 * @property {string} [name]
 * @property {string} [via]
 * @property {string} [table]
 * @property {Frame} [offer]  of an incoming call
 */

/**
 * One call: an RTCPeerConnection, W3C perfect negotiation (WebRTC, section 10.7), and trickle ICE (RFC 8838).
 *
 * Where W3C's example has flags for what is in progress, here one step follows another: when an offer is looked at, our
 * own has been sent or is not begun. Phone makes calls: see `Phone.dial`, and its event `incoming`.
 * @extends {Emitter<CallEvents>}
 */
export class Call extends Emitter {
  /** Null until an incoming call is accepted. @type {RTCPeerConnection | null} */ connection = null;
  /** Ours. @type {MediaStream | null} */ stream = null;
  /** Theirs. @type {MediaStream[]} */ streams = [];

  #phone;
  #signalling;
  #timers;
  #to;
  #trickle;
  /** The offer that we have not accepted yet. @type {Frame | null} */ #offer;
  /** The server knows this call. */
  #signalled;
  /** Our offer with `to` is unanswered. */
  #opening = false;
  #answered = false;
  #ended = false;
  /** A later offer of ours was refused: we make no other unless there is a new reason. */
  #offersRefused = false;
  #iceRestarts = 0;
  #reportsSent = 0;
  /** @type {CallState} */ #announced = "ringing";
  /** @type {Promise<void>} */ #steps = Promise.resolve();
  /** @type {(RTCIceCandidateInit | null)[]} */ #earlyCandidates = [];
  /** @type {(RTCIceCandidate | null)[]} */ #gathered = [];
  /** @type {any} */ #batchTimer;
  /** @type {any} */ #recoveryTimer;

  /** @internal @param {Phone} phone @param {CallFacts} facts */
  constructor(phone, { id, peer, to, trickle, name, via, table, offer }) {
    super();
    this.id = id;
    /** The other's UUID. */
    this.peer = peer;
    /** What people call the other. */
    this.name = name;
    /** `http`: the other is no peer on a WebSocket, and `peer` is a claim. */
    this.via = via;
    this.table = table;
    this.incoming = offer !== undefined;
    /** @internal The offer or the answer travels by HTTP: there is one exchange, and no more. */
    this.isPosted = via === "http";
    this.#phone = phone;
    this.#signalling = phone.signalling;
    this.#timers = phone.signalling.timers;
    this.#to = to;
    this.#trickle = trickle;
    this.#offer = offer ?? null;
    this.#signalled = this.incoming;
  }

  /** @returns {CallState} */
  get state() {
    if (this.#ended) return "ended";
    if (!this.#answered) return "ringing";
    const state = this.connectionState;
    return state === "new" || state === "closed" ? "connecting" : state;
  }

  get connectionState() {
    return this.connection?.connectionState ?? "new";
  }

  /** Takes an incoming call. @param {MediaStream | null} [stream]  without one we only listen */
  accept(stream = null) {
    if (this.#ended) return;
    if (!this.#offer) throw new DOMException("only an incoming call is accepted, and only once", "InvalidStateError");
    const { description } = this.#offer;
    this.#offer = null;
    const connection = this.#connect(stream);
    this.#then(async () => {
      await connection.setRemoteDescription(description);
      this.#addTracks(connection);
      await this.#answer(connection);
    });
  }

  /** Refuses an incoming call. @param {"busy" | "declined" | "unsupported" | "failed" | "glare"} [reason] */
  reject(reason = "declined") {
    this.#send({ type: "reject", reason });
    this.#end(reason, { local: true });
  }

  /** Ends the call, or withdraws it. @param {string} [reason]  a word of yours: small letters and underscores */
  hangup(reason = "done") {
    this.#send({ type: "hangup", reason });
    this.#end(reason, { local: true });
  }

  /** Silences our microphone, in every call that has the same stream. */
  mute() {
    enableAudio(this.stream, false);
  }

  unmute() {
    enableAudio(this.stream, true);
  }

  get muted() {
    return isMuted(this.stream);
  }

  // For Phone

  /** @internal @param {MediaStream | null} stream */
  dial(stream) {
    const connection = this.#connect(stream);
    this.#addTracks(connection);
    if (!stream) connection.addTransceiver("audio", { direction: "recvonly" });
    this.#then(() => this.#negotiate(connection));
  }

  /** @internal @param {Frame} frame */
  receive(frame) {
    const { type, reason } = frame;
    if (type === "offer" && this.#offer) this.#offer = frame;
    else if (type === "offer") this.#then(() => this.#takeOffer(frame));
    else if (type === "answer") this.#then(() => this.#takeAnswer(frame));
    else if (type === "candidate") this.#then(() => this.#takeCandidates(frame.candidates ?? [frame.candidate]));
    else if (type === "reject") this.offerFailed(new SignallingError("rejected", `rejected: ${reason}`, { reason }));
    else if (type === "hangup") this.#hungUp(reason);
  }

  /**
   * An offer of ours came to nothing. Without one a call cannot begin, nor go on when its connection does not work.
   * @internal @param {SignallingError} error
   */
  offerFailed(error) {
    if (!this.#answered || (this.#opening && this.connectionState !== "connected")) {
      this.#end(error.code === "rejected" ? (error.reason ?? error.code) : error.code, { error });
      return;
    }
    if (this.#opening) this.#signalled = false;
    this.#then(() => this.#withdrawOffer(error));
  }

  /** The server does not know this call any more. A connection that works is kept. @internal @param {string} reason */
  signallingLost(reason) {
    if (this.#answered && this.connectionState === "connected") this.#detach();
    else this.#end(reason, { error: new SignallingError(reason, "the signalling of this call was lost") });
  }

  // Negotiation

  /** @param {MediaStream | null} stream */
  #connect(stream) {
    const connection = new this.#phone.RTCPeerConnection(this.#phone.configuration);
    connection.onnegotiationneeded = () => this.#then(() => this.#negotiate(connection));
    connection.onicecandidate = ({ candidate }) => this.#gather(candidate);
    connection.ontrack = ({ track, streams }) => this.#addRemote(track, streams);
    connection.onconnectionstatechange = () => this.#connectionChanged(connection);
    this.connection = connection;
    this.stream = stream;
    return connection;
  }

  /** @param {RTCPeerConnection} connection */
  #addTracks(connection) {
    const { stream } = this;
    for (const track of stream?.getTracks() ?? []) connection.addTrack(track, /** @type {MediaStream} */ (stream));
  }

  /** @param {() => void | Promise<void>} step */
  #then(step) {
    this.#steps = this.#steps.then(() => (this.#ended ? undefined : step())).catch((error) => this.#fail(error));
  }

  /** @param {RTCPeerConnection} connection */
  async #negotiate(connection) {
    const isFirst = !this.#answered;
    if (connection.signalingState !== "stable" || this.#offersRefused) return;
    if (isFirst ? this.incoming || this.#signalled : this.isPosted) return;
    await connection.setLocalDescription();
    this.#sendOffer(await this.#describe(connection));
  }

  /**
   * With `to` it opens the call on the server: the first time, or anew when the server has lost it.
   * @param {RTCSessionDescriptionInit} description
   */
  #sendOffer(description) {
    if (this.#ended) return;
    const opening = !this.#signalled;
    const opener = opening ? { to: this.#to, table: this.table, trickle: this.#trickle } : {};
    this.#opening = opening;
    this.#signalled = true;
    this.#signalling.request({ type: "offer", call: this.id, description, ...opener }).then(
      (ack) => (this.isPosted ||= ack.trickle === false),
      (error) => this.#offerRefused(error, opening),
    );
  }

  /** @param {SignallingError} error @param {boolean} opening */
  #offerRefused(error, opening) {
    if (this.#ended || (this.#answered && isSessionEnd(error))) return;
    if (opening && this.#answered && error.code === "call_exists") return; // theirs came first, and we have it
    if (error.code === "call_unknown" && this.#answered) this.#detach();
    else this.offerFailed(error);
  }

  /** A later offer. When both offer, the polite one's is rolled back by setRemoteDescription. @param {Frame} frame */
  async #takeOffer({ description, polite, trickle }) {
    const connection = /** @type {RTCPeerConnection} */ (this.connection);
    if (connection.signalingState !== "stable" && !polite) return;
    this.#trickle = trickle;
    this.#signalled = true;
    this.#opening = false;
    this.#offersRefused = false;
    try {
      await connection.setRemoteDescription(description);
    } catch (error) {
      this.#send({ type: "reject", reason: "failed" });
      this.#report(error);
      return;
    }
    await this.#answer(connection);
  }

  /** @param {RTCPeerConnection} connection */
  async #answer(connection) {
    await connection.setLocalDescription();
    await this.#addEarlyCandidates();
    const description = await this.#describe(connection);
    if (this.#ended) return;
    this.#signalling.request({ type: "answer", call: this.id, description }).catch((error) => this.#report(error));
    this.#establish();
  }

  /** @param {Frame} frame */
  async #takeAnswer({ description }) {
    const connection = /** @type {RTCPeerConnection} */ (this.connection);
    if (connection.signalingState !== "have-local-offer") return; // ours was void by then
    this.#opening = false;
    await connection.setRemoteDescription(description);
    await this.#addEarlyCandidates();
    this.#establish();
  }

  #establish() {
    const isFirst = !this.#answered;
    this.#answered = true;
    if (this.isPosted) this.#signalled = false;
    this.#announce();
    if (isFirst) this.#tellServer(/** @type {RTCPeerConnection} */ (this.connection));
  }

  /** Our description: complete where no candidates may follow. @param {RTCPeerConnection} connection */
  async #describe(connection) {
    if (!this.#trickle) await this.#gatheringEnd(connection);
    const { type, sdp } = /** @type {RTCSessionDescription} */ (connection.localDescription);
    return { type, sdp };
  }

  /** @param {RTCPeerConnection} connection @returns {Promise<void>} */
  #gatheringEnd(connection) {
    if (connection.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#timers.setTimeout(resolve, GATHERING_MS);
      connection.onicegatheringstatechange = () => {
        if (connection.iceGatheringState !== "complete") return;
        this.#timers.clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Takes a later offer back. @param {SignallingError} error */
  async #withdrawOffer(error) {
    this.#offersRefused = error.code !== "answer_timeout";
    await this.#rollBack();
    if (this.connectionState === "failed") this.#recoverLater(error);
    else this.#report(error);
  }

  /** The offer was to restart ICE, and without one there is no path any more. @param {SignallingError} error */
  #recoverLater(error) {
    const isLate = error.code === "answer_timeout";
    if (!isLate && !LIMITS_REACHED.has(error.code)) return this.#fail(error);
    this.#report(error);
    if (isLate) return this.#recover();
    const recover = () => this.connectionState === "failed" && this.#recover();
    this.#timers.clearTimeout(this.#recoveryTimer);
    this.#recoveryTimer = this.#timers.setTimeout(recover, (error.retryAfter ?? 1) * 1000);
  }

  async #rollBack() {
    if (this.connection?.signalingState !== "have-local-offer") return;
    await this.connection.setLocalDescription({ type: "rollback" });
  }

  // Candidates

  /** @param {RTCIceCandidate | null} candidate  null at the end of gathering */
  #gather(candidate) {
    if (!this.#trickle || candidate?.candidate === "") return; // the end of one generation: null follows
    this.#gathered.push(candidate);
    const send = () => this.#then(() => this.#sendCandidates());
    if (candidate) this.#batchTimer ??= this.#timers.setTimeout(send, CANDIDATE_BATCH_MS);
    else send();
  }

  #sendCandidates() {
    this.#timers.clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
    const gathered = this.#gathered.splice(0);
    const candidates = gathered.filter((candidate) => candidate !== null);
    for (let start = 0; start < candidates.length; start += CANDIDATES_PER_MESSAGE) {
      const batch = candidates.slice(start, start + CANDIDATES_PER_MESSAGE);
      this.#send({ type: "candidate", ...(batch.length === 1 ? { candidate: batch[0] } : { candidates: batch }) });
    }
    if (candidates.length < gathered.length) this.#send({ type: "candidate", candidate: null });
  }

  /** @param {(RTCIceCandidateInit | null)[]} candidates */
  async #takeCandidates(candidates) {
    const room = MAX_EARLY_CANDIDATES - this.#earlyCandidates.length;
    this.#earlyCandidates.push(...candidates.slice(0, room));
    if (this.connection?.remoteDescription) await this.#addEarlyCandidates();
  }

  async #addEarlyCandidates() {
    for (const candidate of this.#earlyCandidates.splice(0)) await this.#addCandidate(candidate);
  }

  /** One bad candidate does not end a call. @param {RTCIceCandidateInit | null} candidate */
  async #addCandidate(candidate) {
    const connection = /** @type {RTCPeerConnection} */ (this.connection);
    if (!belongsTo(connection.remoteDescription, candidate)) return;
    try {
      await connection.addIceCandidate(candidate);
    } catch (error) {
      this.#report(error);
    }
  }

  // The connection, and its end

  /** @param {MediaStreamTrack} track @param {readonly MediaStream[]} streams */
  #addRemote(track, streams) {
    const stream = streams[0] ?? new MediaStream([track]);
    this.emit("track", { track, stream });
    if (this.streams.includes(stream)) return;
    this.streams = [...this.streams, stream];
    this.emit("stream", stream);
  }

  /** @param {RTCPeerConnection} connection */
  #connectionChanged(connection) {
    if (connection.connectionState === "connected") this.#iceRestarts = 0;
    this.#announce();
    this.#tellServer(connection);
    if (connection.connectionState === "failed") this.#recover();
  }

  /**
   * Says for the operator how the connection is (protocol: Reporting). Nothing depends on it, so nothing fails by it.
   * @param {RTCPeerConnection} connection
   */
  async #tellServer(connection) {
    const state = connection.connectionState;
    if (!this.#answered || (state !== "connected" && state !== "failed")) return;
    const types = state === "connected" ? await typesOfChosenPair(connection) : {};
    if (connection.connectionState !== state || !this.#mayReport) return;
    this.#reportsSent += 1;
    this.#signalling.request({ type: "report", call: this.id, state, ...types }).catch(() => {});
  }

  /** Of a call over HTTP the server knows for a while after its answer. */
  get #mayReport() {
    const isKnown = (this.#signalled || this.isPosted) && !this.#ended;
    return isKnown && this.#signalling.reports && this.#reportsSent < MAX_REPORTS;
  }

  /** Another path may be found, when one of us has changed its network, say. */
  #recover() {
    this.#iceRestarts += 1;
    if (this.isPosted || this.#signalling.state === "closed" || this.#iceRestarts > MAX_ICE_RESTARTS) {
      this.#fail(new Error("no path to the other peer was found"));
      return;
    }
    this.#offersRefused = false;
    this.connection?.restartIce();
  }

  /** @param {string} reason */
  #hungUp(reason) {
    if (SIGNALLING_ENDED.has(reason) && this.#answered && this.connectionState === "connected") this.#detach();
    else this.#end(reason);
  }

  /** The media goes on without the server. What is to be negotiated opens the call there anew. */
  #detach() {
    this.#signalled = false;
    this.#then(() => this.#rollBack());
  }

  #announce() {
    if (this.#announced === this.state) return;
    this.#announced = this.state;
    this.emit("state", { state: this.state });
  }

  /** A message in this call, while there is somebody to send it to. @param {Frame} message */
  #send({ type, ...fields }) {
    const isHeard = this.#signalled && !this.#ended && this.#signalling.state !== "closed";
    if (isHeard) this.#signalling.send({ type, call: this.id, ...fields });
  }

  /** @param {unknown} error  the end of the session has an event of its own */
  #report(error) {
    if (!isSessionEnd(error)) this.emit("error", asError(error));
  }

  /** @param {unknown} error  thrown by a step; one whose connection was closed meanwhile does not matter */
  #fail(error) {
    const refusing = this.incoming && !this.#answered;
    this.#send({ type: refusing ? "reject" : "hangup", reason: "failed" });
    this.#end("failed", { local: true, error: asError(error) });
  }

  /** @param {string} reason @param {{ local?: boolean, error?: Error | null }} [details] */
  #end(reason, { local = false, error = null } = {}) {
    if (this.#ended) return;
    this.#ended = true;
    this.#timers.clearTimeout(this.#batchTimer);
    this.#timers.clearTimeout(this.#recoveryTimer);
    this.connection?.close();
    this.#announce();
    this.emit("ended", { reason, local, error });
  }
}

/**
 * @typedef {object} Member
 * @property {string} peer
 * @property {string | undefined} name
 * @property {Call | null} call
 * @property {boolean} away  the server has lost it, and our connection with it still works
 *
 * @typedef {object} TableEvents
 * @property {Member} peer_joined
 * @property {{ peer: string, name: string | undefined, reason: string }} peer_left
 * @property {Member} call  its `call` is new
 * @property {null} change  of `host`, `locked` or `capacity`
 * @property {{ reason: string, error: Error | null }} left  we sit there no longer; comes once
 */

/**
 * A seat at a table, and a call with each of the others there (protocol: Tables). It is the newcomer who calls.
 * @extends {Emitter<TableEvents>}
 */
export class Table extends Emitter {
  /** The others, by UUID. @type {Map<string, Member>} */ peers = new Map();
  seated = false;
  host = "";
  locked = false;
  protected = false;
  /** @type {number | undefined} */ capacity;

  #phone;
  #signalling;
  #timers;
  #password;
  #create;
  #left = false;
  /** @type {(() => void)[]} */ #listeners = [];
  /** @type {any} */ #rejoinTimer;
  #rejoinAttempts = 0;
  /** Why we have no seat, while we wait to try again. @type {SignallingError | null} */ #refusal = null;

  /**
   * @param {Phone} phone
   * @param {string} name
   * @param {object} [options]
   * @param {MediaStream | null} [options.stream]  without one we only listen
   * @param {string} [options.password]
   * @param {number} [options.capacity]  of a table that we open
   * @param {boolean} [options.create]  false: only a table that exists
   */
  constructor(phone, name, { stream = null, password, capacity, create } = {}) {
    super();
    this.name = name.normalize("NFC");
    this.stream = stream;
    this.capacity = capacity;
    this.#phone = phone;
    this.#signalling = phone.signalling;
    this.#timers = phone.signalling.timers;
    this.#password = password;
    this.#create = create;
  }

  get isHost() {
    return this.host === this.#signalling.peer;
  }

  get muted() {
    return isMuted(this.stream);
  }

  /** Silences our microphone for everybody. */
  mute() {
    enableAudio(this.stream, false);
  }

  unmute() {
    enableAudio(this.stream, true);
  }

  /** Sits down and calls everybody there. Rejected with a SignallingError: `table_full`, `table_locked`, … */
  async join() {
    if (this.seated) throw new DOMException("we sit at this table", "InvalidStateError");
    this.#left = false;
    this.#listen();
    try {
      await this.#sitDownAtLast();
    } catch (error) {
      this.#stopListening();
      throw error;
    }
  }

  /** Hangs up with everybody, and gets up. */
  async leave() {
    this.#close("left");
    try {
      await this.#signalling.request({ type: "leave", table: this.name });
    } catch (error) {
      if (!isSessionEnd(error)) throw error; // and our seat with it
    }
  }

  /** For the host: nobody else may sit down, or everybody may again. @param {boolean} [locked] */
  async lock(locked = true) {
    await this.#signalling.request({ type: "lock", table: this.name, locked });
  }

  /** For the host. @param {string} peer */
  async kick(peer) {
    await this.#signalling.request({ type: "kick", table: this.name, peer });
  }

  /** @internal Answers the offer of somebody who sits here. @param {Call} call */
  admit(call) {
    const member = this.#member(call.peer, call.name);
    if (member.call?.state === "ringing" && member.call.id < call.id) {
      call.reject("glare"); // we have called each other, and the smaller id stays: the server sees it so, too
      return;
    }
    this.#attach(member, call);
    call.accept(this.stream);
  }

  // Our seat

  #listen() {
    this.#listeners = [
      this.#hear("peer_joined", ({ peer, name }) => this.#member(peer, name)),
      this.#hear("peer_left", ({ peer, reason }) => this.#someoneLeft(peer, reason)),
      this.#hear("table", (frame) => this.#describe(frame)),
      this.#signalling.on("session_lost", () => this.seated && this.#rejoin()),
      this.#signalling.on("state", ({ detail }) => detail.state === "closed" && this.#close("closed", detail.error)),
    ];
  }

  /** @param {"peer_joined" | "peer_left" | "table"} type @param {(frame: Frame) => void} listener */
  #hear(type, listener) {
    return this.#signalling.on(type, ({ detail }) => detail.table === this.name && listener(detail));
  }

  #stopListening() {
    for (const stop of this.#listeners.splice(0)) stop();
    this.#timers.clearTimeout(this.#rejoinTimer);
  }

  /** A server that was restarted before it could answer is asked again. */
  async #sitDownAtLast() {
    for (;;) {
      try {
        return await this.#sitDown(this.#create);
      } catch (error) {
        if (this.#left || !(error instanceof SignallingError) || error.code !== "session_lost") throw error;
      }
    }
  }

  /** @param {boolean} [create] */
  async #sitDown(create) {
    const { name: table, capacity } = this;
    const frame = await this.#signalling.request({ type: "join", table, password: this.#password, capacity, create });
    if (this.#left) return;
    this.#rejoinAttempts = 0;
    this.seated = true;
    this.protected = frame.protected;
    this.#phone.tables.set(table, this);
    this.#describe(frame);
    this.#callEverybody(frame.peers);
  }

  /** After the server has forgotten us, a restart, say. */
  async #rejoin() {
    this.#timers.clearTimeout(this.#rejoinTimer);
    this.#refusal = null;
    try {
      await this.#sitDown(undefined);
    } catch (error) {
      this.#rejoinFailed(/** @type {SignallingError} */ (error));
    }
  }

  /** @param {SignallingError} error */
  #rejoinFailed(error) {
    if (this.#left || isSessionEnd(error) || error.code === "draining") return; // another welcome brings us here again
    if (error.code === "rate_limited") this.#rejoinLater(error.retryAfter ?? 1);
    else if (SEAT_MAY_COME_FREE.has(error.code)) this.#waitForSeat(error);
    else this.#close(error.code, error);
  }

  /** @param {number} [seconds]  that the server wants us to wait */
  #rejoinLater(seconds = 0) {
    const delay = seconds * 1000 + this.#signalling.backOff(this.#rejoinAttempts++);
    this.#rejoinTimer = this.#timers.setTimeout(() => this.#rejoin(), delay);
  }

  /** Only the signalling has ended: who is heard stays, while we ask for our seat. @param {SignallingError} error */
  #waitForSeat(error) {
    for (const member of [...this.peers.values()]) {
      if (member.call) member.away = true;
      else this.#remove(member, "gone");
    }
    this.#refusal = error;
    this.#rejoinLater(error.retryAfter);
    this.#closeIfAlone();
  }

  /** Without a seat, and with nobody to hear. */
  #closeIfAlone() {
    if (this.#refusal && this.peers.size === 0) this.#close(this.#refusal.code, this.#refusal);
  }

  /** @param {Frame} frame */
  #describe({ host, locked, capacity }) {
    Object.assign(this, { host, locked, capacity });
    this.emit("change", null);
  }

  /** @param {string} reason @param {Error | null} [error] */
  #close(reason, error = null) {
    if (this.#left) return;
    this.#left = true;
    this.#refusal = null;
    this.#rejoinAttempts = 0;
    this.seated = false;
    this.#stopListening();
    this.#phone.tables.delete(this.name);
    for (const { call } of this.peers.values()) call?.hangup("left");
    this.peers.clear();
    this.emit("left", { reason, error });
  }

  // The others

  /** Those who sit here already are for us, the newcomer, to call. @param {{ peer: string, name?: string }[]} listed */
  #callEverybody(listed) {
    const present = new Set(listed.map(({ peer }) => peer));
    for (const { peer } of [...this.peers.values()]) {
      if (!present.has(peer)) this.#someoneLeft(peer, "gone");
    }
    for (const { peer, name } of listed) {
      const member = this.#member(peer, name);
      if (member.call?.state !== "connected") this.#call(member);
    }
  }

  /** The member of this id, who may be new or back. @param {string} peer @param {string | undefined} name */
  #member(peer, name) {
    const known = this.peers.get(peer);
    if (known) return Object.assign(known, { name, away: false });
    /** @type {Member} */
    const member = { peer, name, call: null, away: false };
    this.peers.set(peer, member);
    this.emit("peer_joined", member);
    return member;
  }

  /** @param {string} peer @param {string} reason */
  #someoneLeft(peer, reason) {
    const member = this.peers.get(peer);
    if (peer === this.#signalling.peer) this.#close(reason);
    else if (member && SIGNALLING_ENDED.has(reason) && member.call?.state === "connected") member.away = true;
    else if (member) this.#remove(member, reason);
  }

  /** @param {Member} member @param {string} reason */
  #remove(member, reason) {
    const { peer, name, call } = member;
    this.peers.delete(peer);
    member.call = null;
    call?.hangup("left");
    this.emit("peer_left", { peer, name, reason });
  }

  /** @param {Member} member @param {boolean} [isRetry]  of an offer that the server refused for a time */
  #call(member, isRetry = false) {
    this.#attach(member, this.#phone.dial(member.peer, { stream: this.stream, table: this.name }), isRetry);
  }

  /** @param {Member} member @param {Call} call @param {boolean} [isRetry] */
  #attach(member, call, isRetry = false) {
    const former = member.call;
    member.call = call;
    former?.hangup("replaced");
    let worked = false;
    call.on("state", ({ detail }) => (worked ||= detail.state === "connected"));
    call.on("ended", ({ detail }) => {
      if (member.call !== call) return;
      const again = worked && isFault(detail); // a call that worked has failed, and nobody has hung up
      this.#lose(member, again, again || !isRetry ? retryAfterOf(detail.error) : undefined);
    });
    this.emit("call", member);
  }

  /** @param {Member} member @param {boolean} again @param {number} [retryAfter]  in seconds: then we call anew */
  #lose(member, again, retryAfter) {
    member.call = null;
    if (member.away) this.#remove(member, "gone");
    else if (retryAfter !== undefined) this.#timers.setTimeout(() => this.#callAgain(member), retryAfter * 1000);
    else if (again) this.#call(member);
    this.#closeIfAlone();
  }

  /** Unless the member has left or called us meanwhile. @param {Member} member */
  #callAgain(member) {
    const isHere = this.peers.get(member.peer) === member && !member.away;
    if (isHere && !member.call && this.#signalling.state !== "closed") this.#call(member, true);
  }
}

/** By default a server is on the host of the page. */
function addressOfThisPage() {
  const { protocol, host } = globalThis.location;
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/signal`;
}

/** Null where the browser denies a page its storage: then an id lasts as long as the page. */
function storageOfThisTab() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}

/** Outside of a page nobody tells. @returns {EventTarget} */
function networkOfThisPage() {
  return typeof globalThis.addEventListener === "function" ? globalThis : new EventTarget();
}

/** Whether one does not connect again after it. @param {number} code */
function isFinal(code) {
  return code in FINAL_CLOSE_CODES || (code >= 4500 && code <= 4999);
}

function closedError() {
  return new SignallingError("closed", "there is no session");
}

/** Whether a request failed because the whole session ended, which has an event of its own. @param {unknown} error */
function isSessionEnd(error) {
  return error instanceof SignallingError && SESSION_ENDS.has(error.code);
}

/** Whether a call ended though nobody ended it. @param {{ reason: string, error: Error | null }} ending */
function isFault({ reason, error }) {
  return error !== null && !SESSION_ENDS.has(reason);
}

/** How long the server wants us to wait, in seconds. @param {Error | null} error */
function retryAfterOf(error) {
  return error instanceof SignallingError ? error.retryAfter : undefined;
}

/** @param {unknown} thrown */
function asError(thrown) {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Whom a UUID or an identifier names (protocol: Identifiers). The server judges what is neither.
 * @param {string} to
 */
function readIdentifier(to) {
  if (!to || /^[0-9a-f-]{36}$/i.test(to)) return { peer: to.toLowerCase(), publicAddress: "" };
  try {
    const { Uuid = "", PublicIP = "" } = JSON.parse(atob(to));
    return { peer: Uuid.toLowerCase(), publicAddress: hostAndPort(PublicIP) };
  } catch {
    return { peer: to, publicAddress: "" };
  }
}

/** What is compared of a server's address: a missing port equals 80 and 443. @param {string} address */
function hostAndPort(address) {
  return address
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/\/$/, "")
    .replace(/:(80|443)$/, "");
}

/**
 * Whether a candidate is for this description, and not for one that was void (WebRTC, addIceCandidate).
 * @param {RTCSessionDescription | null} description
 * @param {RTCIceCandidateInit | null} candidate
 */
function belongsTo(description, candidate) {
  const fragment = candidate?.usernameFragment;
  return !fragment || (description?.sdp ?? "").split(/\r?\n/).includes(`a=ice-ufrag:${fragment}`);
}

/**
 * Of which types the candidates are by which a connection goes (WebRTC statistics). Where there are no statistics
 * of the transport, the pair itself says it.
 * @param {RTCPeerConnection} connection
 * @returns {Promise<{ local?: string, remote?: string }>}
 */
async function typesOfChosenPair(connection) {
  try {
    const report = await connection.getStats();
    const all = [...report.values()];
    const transport = all.find(({ type, selectedCandidatePairId: id }) => type === "transport" && id);
    const isChosen = (/** @type {any} */ { type, nominated, state }) =>
      type === "candidate-pair" && nominated && state === "succeeded";
    const pair = report.get(transport?.selectedCandidatePairId) ?? all.find(isChosen);
    const [local, remote] = [pair?.localCandidateId, pair?.remoteCandidateId].map((id) => candidateType(report.get(id)));
    return { local, remote };
  } catch {
    return {};
  }
}

/** @param {{ candidateType?: string } | undefined} candidate */
function candidateType(candidate) {
  return CANDIDATE_TYPES.has(candidate?.candidateType ?? "") ? candidate?.candidateType : undefined;
}

/** @param {MediaStream | null} stream @param {boolean} enabled */
function enableAudio(stream, enabled) {
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = enabled;
}

/** @param {MediaStream | null} stream */
function isMuted(stream) {
  const tracks = stream?.getAudioTracks() ?? [];
  return tracks.length > 0 && tracks.every((track) => !track.enabled);
}

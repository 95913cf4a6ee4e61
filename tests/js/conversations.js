// Two pages at a table, on Node: roundtable.js as it is, a real server, and a real network before it; only the peer
// connections are fakes. Reads a list of conversations, [Ada's address, Bob's address], from the standard input; holds
// all of them at once; and writes what became of each. It judges nothing: tests/server/test_browserclient.py does.

import { readFileSync } from "node:fs";

import { Phone, Signalling, Table } from "../../signalling/static/signalling/roundtable.js";
import { FakePeerConnection, candidate, heard } from "./fakes.js";

const WITHIN_MS = 45_000;
const LOOK_EVERY_MS = 5;
/** The back-off has full jitter: so it tries again after 10 ms. */
const SOON = () => 0.01;

class Person {
  /** @type {FakePeerConnection[]} */ connections = [];

  constructor(url, tableName) {
    const { connections } = this;
    this.signalling = new Signalling(url, { storage: null, random: SOON });
    this.phone = new Phone(this.signalling, { RTCPeerConnection: connectionsInto(connections) });
    this.table = new Table(this.phone, tableName, { password: "grail" });
    this.welcomes = heard(this.signalling, "welcome");
    this.states = heard(this.signalling, "state");
    this.errors = heard(this.signalling, "error");
    this.events = [];
    for (const type of ["peer_joined", "peer_left", "table"]) {
      this.signalling.on(type, ({ detail }) => this.events.push([type, detail.reason ?? detail.locked ?? null]));
    }
  }

  get connection() {
    return this.connections[0];
  }

  /** What must be the same, whatever the network does. */
  get got() {
    return {
      negotiated: this.connections.map(({ log }) => log),
      candidates: this.connections.map(({ candidates }) => candidates.map((each) => each && each.candidate)),
      events: this.events,
      errors: this.errors.map(({ code, message }) => `${code}: ${message}`),
    };
  }

  get losses() {
    return this.states.filter(({ state }) => state === "reconnecting").length;
  }

  /** Whether each welcome but the first was to the session that there was. */
  get isResumed() {
    return this.welcomes.slice(1).every(({ resumed }) => resumed);
  }
}

function connectionsInto(connections) {
  return class extends FakePeerConnection {
    constructor(configuration) {
      super(configuration);
      connections.push(this);
    }
  };
}

const passed = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(isSo) {
  while (!isSo()) await passed(LOOK_EVERY_MS);
}

/** Its error, or null; what hangs has one, too. */
async function faultOf(conversation) {
  const hangs = passed(WITHIN_MS).then(() => `not over after ${WITHIN_MS / 1000} s`);
  return Promise.race([conversation.then(() => null, String), hangs]);
}

/** They sit down, Bob calls Ada, both trickle; Ada locks the table and negotiates once more; Bob leaves. */
async function converse(ada, bob) {
  await ada.signalling.connect();
  await bob.signalling.connect();
  await ada.table.join();
  await bob.table.join();
  await until(() => bob.connection?.localDescription);
  bob.connection.gather(candidate(1), candidate(2));
  await until(() => ada.connection?.candidates.length === 2);
  ada.connection.gather(candidate(3), null);
  bob.connection.gather(candidate(4), null);
  await until(() => ada.connection.candidates.at(-1) === null && bob.connection.candidates.at(-1) === null);
  for (const { connection } of [ada, bob]) connection.become("connected");
  await ada.table.lock();
  await until(() => bob.table.locked);
  ada.connection.needNegotiation();
  await until(() => ada.connection.log.filter((step) => step === "remote answer").length === 1);
  await bob.table.leave();
  await until(() => ada.table.peers.size === 0);
  await ada.signalling.request({ type: "ice_servers" }); // whatever else there was has come before its answer
}

async function hold([adasUrl, bobsUrl], number) {
  const [ada, bob] = [adasUrl, bobsUrl].map((url) => new Person(url, `table ${number}`));
  const outcome = {
    fault: await faultOf(converse(ada, bob)),
    got: [ada.got, bob.got],
    losses: ada.losses + bob.losses,
    isResumed: ada.isResumed && bob.isResumed,
  };
  for (const { signalling } of [ada, bob]) signalling.bye();
  return outcome;
}

const conversations = JSON.parse(readFileSync(0, "utf8"));
const outcomes = JSON.stringify(await Promise.all(conversations.map(hold)));
process.stdout.write(`${outcomes}\n`, () => process.exit()); // what hangs shall not keep us; a pipe takes 64 KiB at once

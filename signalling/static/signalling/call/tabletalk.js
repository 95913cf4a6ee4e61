// A seat at a table, as the room shows it.

import { Table } from "../roundtable.js";
import { nameOf } from "./names.js";
import { announce } from "./page.js";
import { explain } from "./words.js";

/** @typedef {import("../roundtable.js").Member} Member */
/** @typedef {import("../roundtable.js").Phone} Phone */
/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("./room.js").Me} Me */

/** By the reason; others left of their own will. */
const DEPARTURES = new Map([
  ["kicked", "was removed by the host"],
  ["gone", "was lost"],
  ["disconnected", "was lost"],
  ["draining", "was lost"],
]);

/** The address of this page that leads to the table; its password is told in another way. @param {string} table */
function linkTo(table) {
  return `${location.origin}${location.pathname}#${encodeURIComponent(table)}`;
}

export class TableTalk {
  #table;
  #room;
  #isSeated = false;

  /**
   * @param {Phone} phone
   * @param {Room} room
   * @param {Me} me
   * @param {{ name: string, password: string, onOver: (why: string) => void }} table  `onOver` is told why, or nothing when it was us
   */
  constructor(phone, room, me, { name, password, onOver }) {
    const table = new Table(phone, name, { stream: me.stream, password: password || undefined });
    this.#table = table;
    this.#room = room;
    room.prepare(this, me, { title: table.name, link: linkTo(table.name) });
    table.on("peer_joined", ({ detail }) => this.#joined(detail));
    table.on("call", ({ detail: { peer, name, call } }) => call && room.seat(peer, nameOf(peer, name)).attach(call));
    table.on("peer_left", ({ detail }) => this.#left(detail));
    table.on("change", () => this.#describe());
    table.on("left", ({ detail }) => onOver(this.#ending(detail)));
  }

  /** Sits down. Rejected with a SignallingError when there is no seat for us. */
  async begin() {
    await this.#table.join();
    this.#isSeated = true;
    history.replaceState(null, "", linkTo(this.#table.name));
  }

  leave() {
    this.#do(this.#table.leave());
  }

  /** @param {boolean} isLocked */
  lock(isLocked) {
    this.#do(this.#table.lock(isLocked));
  }

  /** @param {string} peer */
  kick(peer) {
    this.#do(this.#table.kick(peer));
  }

  /** @param {Promise<void>} deed */
  #do(deed) {
    deed.catch((error) => announce(explain(error, { table: this.#table.name })));
  }

  /** @param {Member} member */
  #joined({ peer, name }) {
    this.#room.seat(peer, nameOf(peer, name)).describe("Not connected", "ended");
    this.#describe();
    if (this.#isSeated) announce(`${nameOf(peer, name)} has joined.`);
  }

  /** @param {{ peer: string, name: string | undefined, reason: string }} departure */
  #left({ peer, name, reason }) {
    this.#room.unseat(peer);
    this.#describe();
    announce(`${nameOf(peer, name)} ${DEPARTURES.get(reason) ?? "has left"}.`);
  }

  #describe() {
    const { peers, capacity, locked: isLocked, protected: isProtected, host, isHost } = this.#table;
    const facts = [`${peers.size + 1} of ${capacity} seats taken`, isLocked && "locked", isProtected && "with a password"];
    this.#room.describe({ facts: facts.filter(Boolean).join(" · "), host, isHost, isLocked });
  }

  /** @param {{ reason: string, error: Error | null }} end */
  #ending({ reason, error }) {
    const table = this.#table.name;
    if (error) return explain(error, { table });
    return reason === "kicked" ? `The host has removed you from “${table}”.` : "";
  }
}

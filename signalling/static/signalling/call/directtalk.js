// A call with one person, as the room shows it.

import { otherParty } from "./names.js";
import { announce } from "./page.js";
import { ending } from "./words.js";

/** @typedef {import("../roundtable.js").Call} Call */
/** @typedef {import("./room.js").Room} Room */
/** @typedef {import("./room.js").Me} Me */

/** How long we wait for their call when ours has ended because of it. */
const CROSSING_MS = 5_000;

export class DirectTalk {
  /** @type {Call} */ #call;
  #room;
  #me;
  #onOver;
  #wasConnected = false;
  /** The call of somebody whom we called in the same moment. @type {Call | null} */ #crossing = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #patience;

  /**
   * @param {Call} call  one that we made or have accepted
   * @param {Room} room
   * @param {Me} me
   * @param {(why: string) => void} onOver  told why, or nothing when it was us
   */
  constructor(call, room, me, onOver) {
    this.#call = call;
    this.#room = room;
    this.#me = me;
    this.#onOver = onOver;
    this.#show(call);
  }

  /** It has begun. */
  async begin() {}

  leave() {
    clearTimeout(this.#patience);
    this.#theirs?.reject("busy");
    this.#call.hangup();
    this.#onOver("");
  }

  /**
   * Whether this is the call of somebody whom we are just calling. The server lets one of the two calls stand, and ends the
   * other one with `glare`: so theirs waits until ours has ended.
   * @param {Call} call
   */
  meet(call) {
    const { incoming, peer, state } = this.#call;
    if (incoming || call.via || call.peer !== peer || (state !== "ringing" && state !== "ended")) return false;
    this.#crossing = call;
    if (state === "ended") this.#cross(call);
    return true;
  }

  /** @param {Call} call */
  #cross(call) {
    clearTimeout(this.#patience);
    this.#call = call;
    call.accept(this.#me.stream);
    this.#show(call);
    this.#room.enter();
  }

  /** Their call, while it waits. */
  get #theirs() {
    return this.#crossing?.state === "ringing" ? this.#crossing : null;
  }

  /** @param {Call} call */
  #show(call) {
    const who = otherParty(call);
    this.#room.prepare(this, this.#me, { title: `Call with ${who}` });
    this.#room.seat(call.peer, who).attach(call);
    call.on("state", ({ detail }) => this.#became(detail.state, who));
    call.on("ended", ({ detail }) => call === this.#call && this.#ended(detail, who));
  }

  /** @param {string} state @param {string} who */
  #became(state, who) {
    if (state !== "connected" || this.#wasConnected) return;
    this.#wasConnected = true;
    announce(`You are connected with ${who}.`);
  }

  /** @param {{ reason: string, local: boolean, error: Error | null }} end @param {string} who */
  #ended(end, who) {
    const theirs = this.#theirs;
    const why = end.local && !end.error ? "" : ending(end, { who, wasConnected: this.#wasConnected });
    if (end.reason !== "glare" || this.#call.incoming) {
      theirs?.reject("busy");
      this.#onOver(why);
    } else if (theirs) this.#cross(theirs);
    else this.#patience = setTimeout(() => this.#onOver(why), CROSSING_MS);
  }
}

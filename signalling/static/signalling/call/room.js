// What one sees during a call: a tile for everybody, and what can be done.

import { LoudnessMeter } from "./loudness.js";
import { announce, button, copyText, element, onClick, say } from "./page.js";
import { Tile } from "./tile.js";

const TONES = 6;

/**
 * What the room needs of the call that goes on in it.
 * @typedef {object} Talk
 * @property {() => void} leave
 * @property {(isLocked: boolean) => void} [lock]
 * @property {(peer: string) => void} [kick]
 *
 * @typedef {{ peer: string, name: string, stream: MediaStream | null }} Me
 */

export class Room {
  #place = element("room", HTMLElement);
  #title = element("room-title", HTMLElement);
  #tileList = element("tiles", HTMLElement);
  #kickDialog = element("kick-dialog", HTMLDialogElement);
  /** Whom the dialog is about. */
  #kicked = "";
  #meter = new LoudnessMeter();
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  /** @type {Talk | null} */ #talk = null;
  /** @type {Me} */ #me = { peer: "", name: "", stream: null };
  #link = "";
  #plainTitle = document.title;
  #isLocked = false;
  #seated = 0;

  constructor() {
    onClick("leave", () => this.#talk?.leave());
    onClick("mute", () => this.#mute(!this.#isMuted));
    onClick("copy-link", () => copyText(this.#link, "The link"));
    onClick("lock", () => this.#talk?.lock?.(!this.#isLocked));
    onClick("unblock", () => this.#unblock());
  }

  /** Furnishes it for this call. @param {Talk} talk @param {Me} me @param {{ title: string, link?: string }} look */
  prepare(talk, me, { title, link = "" }) {
    this.clear();
    this.#talk = talk;
    this.#me = me;
    this.#link = link;
    say(this.#title, title);
    say(button("leave"), link ? "Leave" : "Hang up");
    button("copy-link").hidden = !link;
    button("mute").hidden = !me.stream;
    this.describe({});
    this.seat(me.peer, me.name).own(me.stream);
    this.#mute(this.#isMuted);
  }

  /** Shows it, and puts the reader of the page there. */
  enter() {
    this.#place.hidden = false;
    document.title = `${this.#title.textContent} · ${this.#plainTitle}`;
    this.#title.focus();
  }

  clear() {
    for (const peer of [...this.#tiles.keys()]) this.unseat(peer);
    this.#kickDialog.close();
    button("unblock").hidden = true;
    this.#place.hidden = true;
    this.#talk = null;
    this.#seated = 0;
    announce("");
    document.title = this.#plainTitle;
  }

  /** The tile of somebody, who may be new. @param {string} peer @param {string} name */
  seat(peer, name) {
    const known = this.#tiles.get(peer);
    if (known) return known;
    const tile = new Tile(this.#meter, peer, name, this.#seated++ % TONES, {
      onKick: () => this.#askToKick(tile),
      onBlocked: () => (button("unblock").hidden = false),
    });
    this.#tiles.set(peer, tile);
    this.#tileList.append(tile.element);
    return tile;
  }

  /** @param {string} peer */
  unseat(peer) {
    this.#tiles.get(peer)?.remove();
    this.#tiles.delete(peer);
    if (peer === this.#kicked) this.#kickDialog.close();
  }

  /** What is known of the whole. @param {{ facts?: string, host?: string, isHost?: boolean, isLocked?: boolean }} state */
  describe({ facts = "", host = "", isHost = false, isLocked = false }) {
    this.#isLocked = isLocked;
    say(element("room-facts", HTMLElement), facts);
    button("lock").hidden = !isHost;
    say(button("lock"), isLocked ? "Unlock" : "Lock");
    for (const tile of this.#tiles.values()) tile.rank(tile.peer === host, isHost && tile.peer !== host);
  }

  get #isMuted() {
    const tracks = this.#me.stream?.getAudioTracks() ?? [];
    return tracks.some((track) => !track.enabled);
  }

  /** @param {boolean} isMuted */
  #mute(isMuted) {
    for (const track of this.#me.stream?.getAudioTracks() ?? []) track.enabled = !isMuted;
    say(button("mute"), isMuted ? "Unmute" : "Mute");
    const state = isMuted ? "Muted" : "You";
    const own = this.#tiles.get(this.#me.peer);
    own?.describe(this.#me.stream ? state : "You, listening", isMuted ? "muted" : "connected");
  }

  #unblock() {
    button("unblock").hidden = true;
    this.#meter.resume();
    for (const tile of this.#tiles.values()) tile.unblock();
  }

  /** @param {Tile} tile */
  #askToKick({ peer, name }) {
    say(element("kick-question", HTMLElement), `Remove ${name}? They cannot come back for a while.`);
    this.#kicked = peer;
    this.#kickDialog.returnValue = "";
    this.#kickDialog.onclose = () => this.#kickDialog.returnValue === "kick" && this.#talk?.kick?.(peer);
    this.#kickDialog.showModal();
  }
}

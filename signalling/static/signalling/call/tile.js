// One tile: somebody who takes part in the call.

import { element, say } from "./page.js";

/** @typedef {import("../roundtable.js").Call} Call */
/** @typedef {import("../roundtable.js").CallState} CallState */
/** @typedef {import("./loudness.js").LoudnessMeter} LoudnessMeter */

/** @type {Record<CallState, string>} */
const STATES = {
  ringing: "Calling …",
  connecting: "Connecting …",
  connected: "Connected",
  disconnected: "Interrupted …",
  failed: "Reconnecting …",
  ended: "Not connected",
};

/** Of one person: nobody has two voices, and each costs a player. */
const MAX_STREAMS = 2;

/** Somebody's name, what is known of the connection with them, and their voice. */
export class Tile {
  element;
  #meter;
  #name;
  #players = document.createElement("div");
  #isSilenced = false;
  /** What was begun for the present call. @type {(() => void)[]} */ #ends = [];

  /**
   * @param {LoudnessMeter} meter
   * @param {string} peer
   * @param {string} name
   * @param {number} tone  which of the colours
   * @param {{ onKick: () => void, onBlocked: () => void }} actions  `onBlocked`: the browser does not let us hear them yet
   */
  constructor(meter, peer, name, tone, { onKick, onBlocked }) {
    const copy = /** @type {DocumentFragment} */ (element("tile", HTMLTemplateElement).content.cloneNode(true));
    this.element = /** @type {HTMLElement} */ (copy.firstElementChild);
    this.peer = peer;
    this.#meter = meter;
    this.#name = name;
    this.#onBlocked = onBlocked;
    this.element.append(this.#players);
    this.element.classList.add(`tone-${tone}`);
    this.#button("silence").addEventListener("click", () => this.#silence(!this.#isSilenced));
    this.#button("kick").addEventListener("click", onKick);
    say(this.#part("avatar"), [...name][0]?.toUpperCase() ?? "?");
    say(this.#part("name"), name);
    this.#silence(false);
    this.#label("kick", "Remove", `Remove ${name}`);
  }

  #onBlocked;

  get name() {
    return this.#name;
  }

  /** That it is our own: one does not mute or remove oneself here. @param {MediaStream | null} stream */
  own(stream) {
    this.element.classList.add("own");
    this.#button("silence").hidden = true;
    if (stream) this.#ends.push(this.#meter.watch(stream, this.#show));
  }

  /** What stands below the name; `state` is for the style. @param {string} text @param {string} [state] */
  describe(text, state = "") {
    say(this.#part("state"), text);
    this.element.dataset.state = state;
  }

  /** @param {boolean} isHost  of the table @param {boolean} canBeKicked */
  rank(isHost, canBeKicked) {
    this.element.classList.toggle("host", isHost);
    this.#part("name").title = isHost ? "Host of this table" : "";
    this.#button("kick").hidden = !canBeKicked;
  }

  /** Shows this call, and lets it be heard; the former one is over. @param {Call} call */
  attach(call) {
    this.#detach();
    this.#ends.push(
      call.on("state", ({ detail }) => this.#call(detail.state)),
      call.on("stream", ({ detail }) => this.#hear(detail)),
      call.on("error", ({ detail }) => (this.#part("state").title = detail.message)),
    );
    for (const stream of call.streams) this.#hear(stream);
    this.#call(call.state);
  }

  /** Tries again to be heard, after somebody has touched the page. */
  unblock() {
    for (const player of this.#players.children) this.#play(/** @type {HTMLAudioElement} */ (player));
  }

  remove() {
    this.#detach();
    this.element.remove();
  }

  /** @param {CallState} state */
  #call(state) {
    this.describe(STATES[state], state);
    if (state === "ended") this.#detach();
  }

  #detach() {
    for (const end of this.#ends.splice(0)) end();
    this.#players.replaceChildren();
    this.#show(0, false);
  }

  /** What has no sound is not played, nor more than anybody needs: others send what they like. @param {MediaStream} stream */
  #hear(stream) {
    if (!stream.getAudioTracks().length || this.#players.childElementCount >= MAX_STREAMS) return;
    const player = new Audio();
    player.srcObject = stream;
    player.muted = this.#isSilenced;
    this.#players.append(player);
    this.#play(player);
    this.#ends.push(this.#meter.watch(stream, this.#show));
  }

  /** @param {HTMLAudioElement} player */
  async #play(player) {
    try {
      await player.play();
    } catch (error) {
      if (/** @type {DOMException} */ (error).name !== "NotAllowedError") return; // it was taken away meanwhile
      this.#onBlocked();
    }
  }

  /** @param {boolean} isSilenced */
  #silence(isSilenced) {
    this.#isSilenced = isSilenced;
    for (const player of this.#players.children) /** @type {HTMLAudioElement} */ (player).muted = isSilenced;
    this.element.classList.toggle("silenced", isSilenced);
    const verb = isSilenced ? "Unmute" : "Mute";
    this.#label("silence", verb, `${verb} ${this.#name} for me`);
  }

  /** The style says how loudness looks, and whether it moves. @param {number} loudness @param {boolean} isSpeaking */
  #show = (loudness, isSpeaking) => {
    this.element.style.setProperty("--loudness", loudness.toFixed(2));
    this.element.classList.toggle("speaking", isSpeaking);
  };

  /** @param {string} name @param {string} text @param {string} label */
  #label(name, text, label) {
    const labelled = this.#button(name);
    say(labelled, text);
    labelled.ariaLabel = label;
  }

  /** @param {string} name */
  #button(name) {
    return /** @type {HTMLButtonElement} */ (this.#part(name));
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {HTMLElement} */ (this.element.querySelector(`.${name}`));
  }
}

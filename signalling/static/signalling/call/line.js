// Our connection with the server, under the name that we have at the time.

import { Phone, Signalling } from "../roundtable.js";

/** @typedef {import("../roundtable.js").SignallingError} SignallingError */

/**
 * @typedef {{ state: import("../roundtable.js").SignallingState, retryIn?: number, closeCode?: number, error?: SignallingError }} LineState
 *
 * @typedef {object} LineEvents
 * @property {(detail: LineState) => void} onState
 * @property {(call: import("../roundtable.js").Call) => void} onIncoming
 * @property {(error: Error) => void} onError
 */

export class Line {
  /** @type {Phone | null} */ #phone = null;
  #events;

  /** @param {LineEvents} events */
  constructor(events) {
    this.#events = events;
  }

  /** Ours, to be handed out, once we were connected. */
  get identifier() {
    return this.#phone?.signalling.identifier ?? "";
  }

  /** Connected, under this name; under another one the server meets us anew, with the same id. @param {string} name */
  async open(name) {
    const phone = this.#present(name) ?? this.#renew(name);
    await phone.signalling.connect();
    return phone;
  }

  get isOpen() {
    return Boolean(this.#phone && this.#phone.signalling.state !== "closed");
  }

  /** As it is, under the name that the server was told: a new one would end the calls that came in. Nothing when it is closed. */
  get phone() {
    return this.isOpen ? this.#phone : null;
  }

  close() {
    this.#phone?.signalling.bye();
    this.#phone = null;
  }

  /** @param {string} name */
  #present(name) {
    return this.phone?.signalling.name === name ? this.phone : null;
  }

  /** @param {string} name */
  #renew(name) {
    this.close();
    const signalling = new Signalling(undefined, { name });
    const phone = new Phone(signalling);
    signalling.on("state", ({ detail }) => this.#phone === phone && this.#events.onState(detail));
    signalling.on("error", ({ detail }) => isOutcome(detail) || this.#events.onError(detail));
    phone.on("incoming", ({ detail }) => this.#events.onIncoming(detail));
    this.#phone = phone;
    return phone;
  }
}

/** What became of an offer is told by its call. @param {SignallingError} error */
function isOutcome({ call, about }) {
  return Boolean(call && !about);
}

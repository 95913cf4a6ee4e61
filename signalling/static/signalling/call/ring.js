// A call that comes in: who it is, and a sound.

import { otherParty } from "./names.js";
import { element, onClick, say } from "./page.js";

/** @typedef {import("../roundtable.js").Call} Call */

const PERIOD_SECONDS = 2;
const TONES_HZ = [587, 784];
const TONE_SECONDS = 0.35;
const VOLUME = 0.12;

export class Ring {
  /** The call that rings. @type {Call | null} */ call = null;
  #place = element("ringing", HTMLElement);
  #title = "";
  /** What had the focus. @type {HTMLElement | null} */ #interrupted = null;
  /** @type {AudioContext | null} */ #context = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #timer;

  /** @param {{ onAccept: (call: Call) => void, onDeclined: () => void, onMissed: (who: string) => void }} actions */
  constructor({ onAccept, onDeclined, onMissed }) {
    this.#onMissed = onMissed;
    onClick("accept", () => this.call && onAccept(this.call));
    onClick("decline", () => {
      this.refuse("declined");
      onDeclined();
    });
  }

  #onMissed;

  /** @param {Call} call */
  start(call) {
    this.call = call;
    const who = otherParty(call);
    say(element("ringing-who", HTMLElement), `${who} is calling`);
    say(element("ringing-about", HTMLElement), about(call));
    this.#place.hidden = false;
    this.#takeFocus();
    this.#title = document.title;
    document.title = `${who} is calling`;
    this.#context = new AudioContext();
    this.#sound();
    this.#timer = setInterval(() => this.#sound(), PERIOD_SECONDS * 1000);
    call.on("ended", ({ detail }) => this.call === call && this.#missed(call, detail.local));
  }

  stop() {
    if (!this.call) return;
    this.call = null;
    clearInterval(this.#timer);
    this.#context?.close();
    if (this.#place.contains(document.activeElement)) this.#interrupted?.focus();
    this.#place.hidden = true;
    document.title = this.#title;
  }

  /** @param {"busy" | "declined"} reason */
  refuse(reason) {
    this.call?.reject(reason);
    this.stop();
  }

  /** To the call, and not to what one would press by mistake; who writes is not interrupted. */
  #takeFocus() {
    const focused = document.activeElement;
    this.#interrupted = focused instanceof HTMLElement && !(focused instanceof HTMLInputElement) ? focused : null;
    if (this.#interrupted) this.#place.focus();
  }

  /** @param {Call} call @param {boolean} byUs */
  #missed(call, byUs) {
    this.stop();
    if (!byUs) this.#onMissed(otherParty(call));
  }

  /** Two tones, one after the other, each of which fades. */
  #sound() {
    const context = /** @type {AudioContext} */ (this.#context);
    TONES_HZ.forEach((frequency, index) => {
      const start = context.currentTime + index * TONE_SECONDS;
      const gain = new GainNode(context, { gain: VOLUME });
      gain.gain.setValueAtTime(VOLUME, start);
      gain.gain.exponentialRampToValueAtTime(0.001, start + TONE_SECONDS * 2);
      const oscillator = new OscillatorNode(context, { frequency });
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(start);
      oscillator.stop(start + TONE_SECONDS * 2);
    });
  }
}

/** @param {Call} call */
function about({ peer, via }) {
  return via === "http" ? "They use another client, and nobody vouches for who they are." : `Their id is ${peer}.`;
}

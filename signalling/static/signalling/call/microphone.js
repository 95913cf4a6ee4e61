// Which microphone, its stream, and how to try it.

import { LoudnessMeter } from "./loudness.js";
import { button, element, say } from "./page.js";

const LISTEN_ONLY = "listen-only";
/** Browsers list these beside the devices that they stand for. */
const ALIASES = new Set(["", "default", "communications"]);

/** The microphone that was chosen. Its event `gone` says that it was unplugged, or forbidden, while it was open. */
export class Microphone extends EventTarget {
  /** Null while it is closed, and for those who only listen. @type {MediaStream | null} */ stream = null;
  #choice;
  #openedAs = "";

  /** @param {HTMLSelectElement} choice */
  constructor(choice) {
    super();
    this.#choice = choice;
    navigator.mediaDevices.addEventListener("devicechange", () => this.list());
  }

  /** Offers what there is; devices have names once one of them was allowed. */
  async list() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const microphones = devices.filter(({ kind, deviceId }) => kind === "audioinput" && !ALIASES.has(deviceId));
    const options = [
      new Option("Default", ""),
      ...microphones.map(({ label, deviceId }, index) => new Option(label || `Microphone ${index + 1}`, deviceId)),
      new Option("None: I only listen", LISTEN_ONLY),
    ];
    const chosen = this.#choice.value;
    this.#choice.replaceChildren(...options);
    this.#choice.value = options.some(({ value }) => value === chosen) ? chosen : "";
  }

  /** Its stream, or null to listen only. Rejected with the DOMException of getUserMedia. */
  async open() {
    const wanted = this.#choice.value;
    if (this.stream?.active && wanted === this.#openedAs) return this.stream;
    this.close();
    if (wanted === LISTEN_ONLY) return null;
    const audio = wanted ? { deviceId: { exact: wanted } } : true;
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    this.stream = stream;
    this.#openedAs = wanted;
    for (const track of stream.getTracks()) track.addEventListener("ended", () => this.dispatchEvent(new Event("gone")));
    await this.list();
    return stream;
  }

  /** Lets it go; the browser no longer shows that it is in use. */
  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
  }
}

/** Shows how loud we are, so that one sees whether it is the right microphone. */
export class MicrophoneTrial {
  #loudness = element("loudness", HTMLMeterElement);
  /** @type {(() => void) | null} */ #stop = null;

  get isOn() {
    return this.#stop !== null;
  }

  /** @param {MediaStream} stream */
  begin(stream) {
    this.end();
    this.#stop = new LoudnessMeter().watch(stream, (loudness) => (this.#loudness.value = loudness));
    this.#show(true);
  }

  /** Whether it was on. */
  end() {
    const wasOn = this.isOn;
    this.#stop?.();
    this.#stop = null;
    this.#show(false);
    return wasOn;
  }

  /** @param {boolean} isOn */
  #show(isOn) {
    this.#loudness.hidden = !isOn;
    say(button("try-microphone"), isOn ? "Stop" : "Try it");
  }
}

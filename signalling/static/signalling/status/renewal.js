// Asks for the same page again and again, and says when that does not work. It knows neither the page nor its nodes.

const PATIENCE_MS = 10_000;
const LONGEST_PAUSE = 8;

/**
 * @typedef {object} Surroundings
 * @property {(url: string, options: RequestInit) => Promise<Response>} fetch
 * @property {(callback: () => void, milliseconds: number) => unknown} setTimeout
 * @property {string} url
 * @property {number} everyMs
 * @property {() => boolean} isResting whether nobody looks, or somebody writes
 * @property {(html: string) => void} show
 * @property {() => string} whenSilent what it means that the server does not answer, if the page knows; else empty
 * @property {(words: string, isTrouble: boolean) => void} tell
 */

export class Renewal {
  isPaused = false;
  isOver = false;
  #around;
  #failures = 0;

  /** @param {Surroundings} around */
  constructor(around) {
    this.#around = around;
    this.#wait();
  }

  #wait() {
    const { setTimeout, everyMs } = this.#around;
    setTimeout(() => void this.#next(), everyMs * Math.min(2 ** this.#failures, LONGEST_PAUSE));
  }

  async #next() {
    if (!this.isPaused && !this.#around.isResting()) await this.#renew();
    if (!this.isOver) this.#wait();
  }

  async #renew() {
    const { fetch, url } = this.#around;
    try {
      const options = { redirect: /** @type {const} */ ("manual"), signal: AbortSignal.timeout(PATIENCE_MS) };
      await this.#take(await fetch(url, options));
    } catch {
      this.#failures += 1;
      this.#tellOfSilence();
    }
  }

  #tellOfSilence() {
    const { tell, whenSilent } = this.#around;
    const expected = whenSilent();
    tell(expected || "The server does not answer. Trying again …", !expected);
  }

  /** @param {Response} response */
  async #take(response) {
    const { show, tell } = this.#around;
    if (response.type === "opaqueredirect") return this.#end("You are logged out. Load the page again to log in.");
    if (response.status === 403) return this.#end("You may not see this page any more.");
    if (!response.ok && response.status !== 404) {
      this.#failures += 1;
      return tell(`The server answers with an error (${response.status}). Trying again …`, true);
    }
    const html = await response.text();
    if (this.isPaused) return;
    show(html);
    if (this.#failures) tell("", false);
    this.#failures = 0;
  }

  /** @param {string} words */
  #end(words) {
    this.isOver = true;
    this.#around.tell(words, true);
  }
}

// How loud streams are, so that one sees who speaks.

const WINDOW_SAMPLES = 1024;
/** Decibels below full scale: the quietest that is shown, and from where on somebody speaks. */
const FLOOR_DB = -60;
const SPEAKING_DB = -45;
const INTERVAL_MS = 50;
/** Speech has pauses between its words. */
const PAUSE_MS = 400;

/**
 * @callback LoudnessListener
 * @param {number} loudness  from 0 to 1
 * @param {boolean} isSpeaking
 */

/** Measures streams twenty times a second while the page is seen, with an AnalyserNode for each (Web Audio API, section 1.8). */
export class LoudnessMeter {
  /** While there is something to measure. @type {AudioContext | null} */ #context = null;
  /** @type {Set<() => void>} */ #measures = new Set();
  #isMeasuring = false;

  /** Tells how loud the stream is, which has audio, until the function that is returned is called. @param {MediaStream} stream @param {LoudnessListener} listener */
  watch(stream, listener) {
    this.#context ??= new AudioContext();
    const context = this.#context;
    const source = context.createMediaStreamSource(stream);
    const analyser = new AnalyserNode(context, { fftSize: WINDOW_SAMPLES });
    source.connect(analyser);
    const measure = measuring(analyser, listener);
    this.#measures.add(measure);
    if (!this.#isMeasuring) this.#measureAll();
    return () => {
      source.disconnect();
      this.#measures.delete(measure);
      if (!this.#measures.size) this.#stop();
    };
  }

  /** After somebody has touched the page: before, a browser may not let it run. */
  resume() {
    this.#context?.resume();
  }

  #measureAll() {
    this.#isMeasuring = this.#measures.size > 0;
    if (!this.#isMeasuring) return;
    for (const measure of this.#measures) measure();
    setTimeout(() => requestAnimationFrame(() => this.#measureAll()), INTERVAL_MS);
  }

  #stop() {
    this.#context?.close();
    this.#context = null;
  }
}

/** @param {AnalyserNode} analyser @param {LoudnessListener} listener */
function measuring(analyser, listener) {
  const samples = new Float32Array(analyser.fftSize);
  let spokeAt = -Infinity;
  return () => {
    analyser.getFloatTimeDomainData(samples);
    const level = decibels(samples);
    const now = performance.now();
    if (level >= SPEAKING_DB) spokeAt = now;
    listener(Math.max(0, Math.min(1, 1 - level / FLOOR_DB)), now - spokeAt < PAUSE_MS);
  };
}

/** Of the root mean square; full scale is 0. @param {Float32Array} samples */
function decibels(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return 10 * Math.log10(power);
}

// What the page says when something fails or ends. Sentences only: nothing here touches the document.

/**
 * @typedef {object} Circumstances
 * @property {string} [table]  where somebody wanted to sit down
 * @property {boolean} [gavePassword]
 * @property {string} [who]  the other party of a call
 * @property {boolean} [wasConnected]
 *
 * @typedef {Map<string, (circumstances: Circumstances) => string>} Sentences
 */

/** By the `code` of a SignallingError, or the `name` of a DOMException. @type {Sentences} */
const ERRORS = new Map(Object.entries(/** @type {Record<string, (circumstances: Circumstances) => string>} */ ({
  // The microphone (Media Capture and Streams, section 10.2.1)
  NotAllowedError: () => "The browser may not use the microphone. Allow it in the browser’s settings for this page, or choose to listen only.",
  NotFoundError: () => "No microphone was found. Connect one, or choose to listen only.",
  NotReadableError: () => "The microphone cannot be used: another program may have it. Choose another one, or to listen only.",
  OverconstrainedError: () => "That microphone has gone. Choose another one.",

  // A seat at a table
  table_full: ({ table }) => `All seats at “${table}” are taken.`,
  table_locked: ({ table }) => `“${table}” is locked: its host lets nobody in.`,
  table_password: ({ table, gavePassword }) =>
    gavePassword ? `That is not the password of “${table}”. (A table without a password wants none.)` : `“${table}” needs a password.`,
  table_unknown: ({ table }) => `You do not sit at “${table}”.`,
  bad_table: () => "A table’s name has 1 to 64 characters, and none that is invisible.",
  forbidden: ({ table }) => `The host has removed you from “${table}”.`,
  already_seated: ({ table }) => `You sit at “${table}” already.`,
  not_host: () => "Only the host may do that.",

  // A call
  peer_unavailable: () => "Nobody can be reached under that identifier now.",
  bad_peer: () => "That is not the identifier of somebody you can call.",
  oneself: () => "That is your own identifier.",
  bad_message: () => "The server does not take that name or identifier.",
  target_not_allowed: () => "This server does not place calls to the address in that identifier.",
  target_failed: () => "Nobody answered at the address in that identifier.",
  answer_timeout: ({ who }) => `${who} did not answer.`,
  peer_gone: ({ who }) => `${who} has gone.`,

  // The server
  rate_limited: () => "That was too often.",
  limit_exceeded: () => "That is more than this server allows.",
  too_large: () => "That is more than this server takes at once.",
  draining: () => "The server is being restarted.",
  session_lost: () => "The server has forgotten you, after a restart or a long silence. Try again.",
  closed: () => "The connection with the server was ended.",
  disconnected: () => "The operator of the server has ended your connection.",
  superseded: () => "This page was opened again in another tab, and goes on there.",
  identity_taken: () => "The server knows somebody else by your id. Try again: you get another one.",
  unauthorized: () => "The server wants you to sign in first.",
  protocol_error: () => "This page and the server do not understand each other. Reload it.",
  internal: () => "Something went wrong in the server. Try again.",
})));

/** By the reason for which somebody hung up, or the server did. Other parties may give what reason they like. @type {Sentences} */
const ENDINGS = new Map(Object.entries(/** @type {Record<string, (circumstances: Circumstances) => string>} */ ({
  done: ({ who }) => `${who} hung up.`,
  bye: ({ who }) => `${who} hung up.`,
  busy: ({ who }) => `${who} is busy.`,
  declined: ({ who }) => `${who} declined the call.`,
  unsupported: ({ who }) => `${who} cannot take voice calls.`,
  glare: ({ who }) => `${who} was calling you at the same moment. Try again.`,
  gone: ({ who }) => `${who} has gone.`,
  disconnected: ({ who }) => `${who} has gone.`,
  draining: () => "The server is being restarted. Try again.",
  timeout: ({ who }) => `The call of ${who} was not answered in time.`,
  failed: ({ who, wasConnected }) =>
    wasConnected
      ? `The connection with ${who} was lost.`
      : `No path to ${who} was found. One of your networks may need a TURN server, which the operator can name.`,
})));

/** What happened, and when to try again. @param {unknown} error @param {Circumstances} [circumstances] */
export function explain(error, circumstances = {}) {
  const { code, name, message, about } = /** @type {Error & { code?: unknown, about?: string }} */ (error);
  // A table's host forbids a seat, the operator the whole server.
  const what = code === "forbidden" && about === "hello" ? "disconnected" : code;
  const text = ERRORS.get(typeof what === "string" ? what : name)?.(withSomebody(circumstances));
  return (text ?? `That failed: ${message}.`) + retry(error);
}

/** Why a call is over. @param {{ reason: string, error: Error | null }} end @param {Circumstances} [circumstances] */
export function ending({ reason, error }, circumstances = {}) {
  const text = ENDINGS.get(reason)?.(withSomebody(circumstances));
  if (text) return text + retry(error);
  return error ? explain(error, circumstances) : `${withSomebody(circumstances).who} hung up.`;
}

/** RFC 6455's and our own for a server that stops: it comes back, or another one does. */
const RESTARTING = new Set([1012, 4000]);

/** Why nothing is heard of the server, and what that means. @param {{ retryIn?: number, closeCode?: number }} loss @param {boolean} isTalking */
export function interruption({ retryIn = 0, closeCode = 0 }, isTalking) {
  const what = RESTARTING.has(closeCode) ? "The server is being restarted." : "The server does not answer.";
  const consolation = isTalking ? " Those who are connected still hear each other." : "";
  return `${what}${consolation} Trying again ${retryIn > 1 ? `in ${duration(retryIn)}` : "now"}.`;
}

/** “12 seconds”, rounded up. @param {number} seconds */
export function duration(seconds) {
  const [count, unit] = seconds > 90 ? [Math.ceil(seconds / 60), "minute"] : [Math.ceil(seconds), "second"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** @param {unknown} error */
function retry(error) {
  const { retryAfter } = /** @type {{ retryAfter?: number }} */ (error ?? {});
  return retryAfter ? ` Try again in ${duration(retryAfter)}.` : "";
}

/** @param {Circumstances} circumstances */
function withSomebody(circumstances) {
  return { who: "The other side", ...circumstances };
}

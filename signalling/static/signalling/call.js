// The page /call/: a voice call in the browser, at a table or with one person.
//
// Here is what one does before a call, and what brings one into it and out of it. The call itself is in call/room.js, with
// call/tabletalk.js or call/directtalk.js; the protocol and WebRTC are in roundtable.js.

import { DirectTalk } from "./call/directtalk.js";
import { Line } from "./call/line.js";
import { Microphone, MicrophoneTrial } from "./call/microphone.js";
import { otherParty } from "./call/names.js";
import { announce, button, copyText, element, onClick, onSubmit, recall, remember, say } from "./call/page.js";
import { Ring } from "./call/ring.js";
import { Room } from "./call/room.js";
import { TableTalk } from "./call/tabletalk.js";
import { explain, interruption } from "./call/words.js";
import { SignallingError } from "./roundtable.js";

/** @typedef {import("./roundtable.js").Call} Call */
/** @typedef {import("./roundtable.js").Phone} Phone */
/** @typedef {import("./call/room.js").Me} Me */
/** @typedef {import("./call/words.js").Circumstances} Circumstances */
/** @typedef {TableTalk | DirectTalk} Talk */

const NAME_KEY = "roundtable name";
const TITLE = "A voice call";

class CallPage {
  #start = element("start", HTMLElement);
  #name = element("name", HTMLInputElement);
  #table = element("table", HTMLInputElement);
  #password = element("password", HTMLInputElement);
  #to = element("to", HTMLInputElement);
  #microphone = new Microphone(element("microphone", HTMLSelectElement));
  #trial = new MicrophoneTrial();
  #room = new Room();
  #ring = new Ring({ onAccept: (call) => this.#accept(call), onDeclined: () => this.#rename(), onMissed: (who) => this.#missed(who) });
  #line = new Line({
    onState: (detail) => this.#lineBecame(detail),
    onIncoming: (call) => this.#called(call),
    onError: (error) => warn(explain(error)),
  });
  /** The call that goes on. @type {Talk | null} */ #talk = null;
  /** What is being tried; it has been cancelled when this is another one, or none. @type {symbol | null} */ #attempt = null;
  /** We have said that we want to be called. */
  #isReachable = false;
  /** The line is interrupted. */
  #isAway = false;

  constructor() {
    this.#name.value = recall(NAME_KEY);
    this.#name.addEventListener("change", () => this.#rename());
    onSubmit("table-form", () => this.#join());
    onSubmit("dial-form", () => this.#dial());
    onClick("cancel", () => this.#cancel());
    onClick("go-online", () => this.#goOnline());
    onClick("go-offline", () => this.#goOffline());
    onClick("copy-identifier", () => copyText(element("identifier", HTMLElement).textContent ?? "", "Your identifier"));
    onClick("try-microphone", () => (this.#trial.isOn ? this.#endTrial() : this.#tryMicrophone()));
    element("microphone", HTMLSelectElement).addEventListener("change", () => this.#endTrial());
    this.#microphone.addEventListener("gone", () => warn("Your microphone has gone: nobody hears you now. Leave, and choose another one."));
    addEventListener("hashchange", () => this.#readLink());
    addEventListener("pagehide", () => this.#line.close());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#comeBack());
    this.#readLink();
    this.#microphone.list();
  }

  // Before a call

  /** `/call/#table` leads to a table. */
  #readLink() {
    const table = tableIn(location.hash);
    if (!table) return;
    this.#table.value = table;
    say(element("start-title", HTMLElement), `You are invited to “${table}”`);
  }

  async #tryMicrophone() {
    await this.#attempting("Waiting for the microphone …", {}, async () => {
      const stream = await this.#microphone.open();
      if (stream) this.#trial.begin(stream);
      else announce("You have chosen to listen only.");
    });
  }

  #endTrial() {
    if (this.#trial.end() && !this.#talk) this.#microphone.close();
  }

  get #givenName() {
    return this.#name.value.trim();
  }

  #hasName() {
    this.#name.value = this.#givenName;
    remember(NAME_KEY, this.#givenName);
    return this.#name.reportValidity();
  }

  /** The browser had kept the page, and brings it back: its line was closed, and with it every call. */
  #comeBack() {
    if (!this.#isReachable) return;
    this.#showReachable(false);
    this.#goOnline();
  }

  /** Those who can call us are told our new name: the server hears it at the greeting only, and so not during a call. */
  #rename() {
    if (!this.#isReachable || !this.#line.isOpen || this.#talk || this.#ring.call || !this.#hasName()) return;
    this.#line.open(this.#givenName).catch((error) => isCancelled(error) || warn(explain(error)));
  }

  // Being reachable

  async #goOnline() {
    if (!this.#hasName()) return;
    await this.#attempting("Connecting …", {}, async (isCurrent) => {
      this.#showProgress("Connecting …", true);
      await this.#line.open(this.#givenName);
      if (isCurrent()) this.#showReachable(true);
    });
  }

  #goOffline() {
    this.#ring.stop();
    this.#line.close();
    this.#showReachable(false);
    button("go-online").focus();
  }

  /** @param {boolean} isReachable */
  #showReachable(isReachable) {
    this.#isReachable = isReachable;
    element("offline", HTMLElement).hidden = isReachable;
    element("online", HTMLElement).hidden = !isReachable;
  }

  // Into a call

  async #join() {
    const [name, password] = [this.#table.value.trim(), this.#password.value];
    await this.#talking({ table: name, gavePassword: password !== "" }, this.#open, (phone, me) => new TableTalk(phone, this.#room, me, { name, password, onOver: this.#over }));
  }

  async #dial() {
    const to = this.#to.value.trim();
    await this.#talking({}, this.#open, (phone, me) => {
      if (isOurs(to, phone)) throw new SignallingError("oneself", "one does not call oneself");
      return new DirectTalk(phone.dial(to, { stream: me.stream }), this.#room, me, this.#over);
    });
  }

  /** @param {Call} call */
  #called(call) {
    if (this.#talk instanceof DirectTalk && this.#talk.meet(call)) return;
    if (!this.#talk && !this.#ring.call) {
      this.#ring.start(call);
      return;
    }
    call.reject("busy");
    announce(`${otherParty(call)} called, and was told that you are busy.`);
  }

  /** @param {Call} call */
  async #accept(call) {
    const lineOfCall = async () => this.#line.phone;
    await this.#talking({ who: otherParty(call) }, lineOfCall, (_, me) => {
      if (this.#ring.call !== call) return null; // too late
      this.#ring.stop();
      call.accept(me.stream);
      return new DirectTalk(call, this.#room, me, this.#over);
    });
  }

  /** @param {string} who */
  #missed(who) {
    announce(`You missed a call from ${who}.`);
    this.#rename();
  }

  #open = () => this.#line.open(this.#givenName);

  /**
   * @param {Circumstances} circumstances
   * @param {() => Promise<Phone | null>} open  the line
   * @param {(phone: Phone, me: Me) => Talk | null} converse
   */
  async #talking(circumstances, open, converse) {
    if (!this.#hasName()) return;
    await this.#attempting("Waiting for the microphone …", circumstances, async (isCurrent) => {
      const stream = await this.#microphone.open();
      this.#trial.end();
      this.#showProgress("Connecting …", true);
      const phone = await open();
      if (!isCurrent()) return;
      const talk = phone && converse(phone, { peer: phone.signalling.peer, name: this.#givenName, stream });
      await talk?.begin();
      if (talk && isCurrent()) this.#enter(talk);
      else if (isCurrent()) this.#release();
    });
  }

  /** @param {Talk} talk */
  #enter(talk) {
    this.#talk = talk;
    this.#ring.refuse("busy");
    this.#start.hidden = true;
    this.#room.enter();
  }

  /**
   * Does one thing at a time, and says what went wrong. What was cancelled is not current any more.
   * @param {string} progress
   * @param {Circumstances} circumstances
   * @param {(isCurrent: () => boolean) => Promise<void>} action
   */
  async #attempting(progress, circumstances, action) {
    if (this.#attempt) return;
    const attempt = Symbol(progress);
    this.#attempt = attempt;
    const isCurrent = () => this.#attempt === attempt;
    warn("");
    this.#showProgress(progress, false);
    try {
      await action(isCurrent);
    } catch (error) {
      if (isCurrent()) this.#failed(error, circumstances);
    }
    if (isCurrent()) this.#endAttempt();
  }

  /** @param {unknown} error @param {Circumstances} circumstances */
  #failed(error, circumstances) {
    this.#release();
    warn(explain(error, circumstances));
    if (/** @type {{ code?: unknown }} */ (error).code === "table_password") this.#password.focus();
  }

  #cancel() {
    this.#endAttempt();
    this.#line.close();
    this.#release();
    if (this.#isReachable) this.#goOnline();
  }

  #endAttempt() {
    this.#attempt = null;
    this.#showProgress("", false);
  }

  /** @param {string} text @param {boolean} canBeCancelled */
  #showProgress(text, canBeCancelled) {
    say(element("progress-text", HTMLElement), text);
    element("progress", HTMLElement).hidden = !text;
    button("cancel").hidden = !canBeCancelled;
  }

  // Out of a call

  /** @param {string} why  nothing when it was us */
  #over = (why) => {
    if (!this.#talk) return;
    this.#talk = null;
    this.#release();
    this.#start.hidden = false;
    const title = element("start-title", HTMLElement);
    say(title, TITLE);
    title.focus();
    warn(why);
    this.#rename();
  };

  #release() {
    this.#room.clear();
    this.#trial.end();
    this.#microphone.close();
    if (!this.#isReachable) this.#line.close();
  }

  /** @param {import("./call/line.js").LineState} detail */
  #lineBecame({ state, error, ...loss }) {
    if (state === "connected") say(element("identifier", HTMLElement), this.#line.identifier);
    const isAway = state === "reconnecting";
    say(element("connection", HTMLElement), isAway ? interruption(loss, this.#talk !== null) : "");
    if (this.#isAway && state === "connected") announce("The server is back.");
    this.#isAway = isAway;
    if (state !== "closed" || !error || error.code === "closed") return;
    this.#showReachable(false);
    this.#ring.stop();
    warn(explain(error));
  }
}

/** @param {string} text */
function warn(text) {
  say(element("alert", HTMLElement), text);
}

/** We have closed the line ourselves, or opened it under another name. @param {{ code?: unknown }} error */
function isCancelled({ code }) {
  return code === "closed";
}

/** @param {string} hash  of our address */
function tableIn(hash) {
  try {
    return decodeURIComponent(hash.slice(1)).trim();
  } catch {
    return ""; // not one of our links
  }
}

/** @param {string} to @param {Phone} phone */
function isOurs(to, { signalling }) {
  return to === signalling.identifier || to.toLowerCase() === signalling.peer;
}

/** What keeps this browser from any call, or nothing. */
function obstacle() {
  if (!isSecureContext) return "Browsers give the microphone only to secure pages: open this page with https, or on the server’s own machine as localhost.";
  if (!("RTCPeerConnection" in globalThis)) return "This browser cannot make calls: it has no WebRTC, or was told not to use it.";
  return "";
}

if (obstacle()) {
  element("start", HTMLElement).inert = true;
  warn(obstacle());
} else {
  new CallPage();
}

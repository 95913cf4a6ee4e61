// What to call somebody.

const NOBODY = "00000000-0000-0000-0000-000000000000";

/** The name that a peer gave itself, or else something to tell it from others. @param {string} peer @param {string} [name] */
export function nameOf(peer, name) {
  return name || `Peer ${peer.slice(0, 8)}`;
}

/** The other party of a call. Nobody vouches for who called over HTTP. @param {import("../roundtable.js").Call} call */
export function otherParty({ peer, name, via }) {
  if (name || via !== "http") return peer === NOBODY ? "The other side" : nameOf(peer, name);
  return "Somebody with another client";
}

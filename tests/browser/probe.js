// Runs in every page before its own scripts. Keeps WebRTC on loopback, and tells the test what a page hears and is sent.

(() => {
  const WHILE_SECONDS = 0.25;
  const LOUD = 1e-4;
  const SILENT = 1e-7;

  const isLoopback = (address) => address === "::1" || address.startsWith("127.");
  const onLoopback = (sdp) =>
    sdp
      .split("\r\n")
      .filter((line) => !line.startsWith("a=candidate:") || isLoopback(line.split(" ")[4]))
      .join("\r\n");

  /** @type {RTCPeerConnection[]} */
  const connections = [];

  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      connections.push(this);
    }

    get localDescription() {
      const description = super.localDescription;
      return description && { type: description.type, sdp: onLoopback(description.sdp) };
    }

    set onicecandidate(listener) {
      super.onicecandidate = (event) => {
        if (!event.candidate?.candidate || isLoopback(event.candidate.address)) listener(event);
      };
    }
  };

  const open = () => connections.filter(({ connectionState }) => connectionState === "connected");

  /** What was received so far over each open connection: octets, and the energy and the seconds of the sound in them. */
  const received = async () => {
    const reports = await Promise.all(open().map((connection) => connection.getStats()));
    return reports.map((report) => {
      const stream = [...report.values()].find(({ type }) => type === "inbound-rtp") ?? {};
      return { id: stream.id, bytes: stream.bytesReceived, energy: stream.totalAudioEnergy, seconds: stream.totalSamplesDuration };
    });
  };

  /** The octets of sound that came so far over each connection that was ever made; null before the first. */
  const flow = async () => {
    const reports = await Promise.all(connections.map((connection) => connection.getStats()));
    return reports.map((report) => [...report.values()].find(({ type }) => type === "inbound-rtp")?.bytesReceived ?? null);
  };

  const fragmentOf = ({ sdp }) => /^a=ice-ufrag:(.*)$/m.exec(sdp)[1];

  const nextFrame = () => new Promise((resolve) => setTimeout(resolve, 50));

  /** What the page was sent, over all its WebSockets. */
  const frames = [];
  const overheard = new WeakSet();
  /** From its hello on: a server says nothing before. */
  const overhear = (socket) => {
    if (overheard.has(socket)) return;
    overheard.add(socket);
    socket.addEventListener("message", ({ data }) => frames.push(JSON.parse(data)));
  };

  // Frames that the page sends while they are held back go out together, in their order.
  const send = WebSocket.prototype.send;
  /** @type {(() => void)[] | null} */
  let held = null;
  WebSocket.prototype.send = function (data) {
    overhear(this);
    if (held) held.push(() => send.call(this, data));
    else send.call(this, data);
  };

  globalThis.probe = {
    /** Fulfilled when so many others are connected, no more, and from now on each was received, for a while, and was as loud. */
    async hears(others, isLoud, seconds) {
      const deadline = performance.now() + seconds * 1000;
      let before = [];
      for (;;) {
        const now = await received();
        const isSame = now.length === before.length && now.every(({ id }, index) => id && id === before[index].id);
        if (!isSame) before = now;
        else if (now.length === others && now.every((stream, index) => isAs(isLoud, before[index], stream))) return;
        else if (now.every(({ seconds }, index) => seconds > before[index].seconds + 4 * WHILE_SECONDS)) before = now;
        if (performance.now() > deadline) throw new Error(`hears ${JSON.stringify(now)}, before ${JSON.stringify(before)}`);
        await nextFrame();
      }
    },
    async until(isTrue, seconds) {
      const deadline = performance.now() + seconds * 1000;
      while (!isTrue()) {
        if (performance.now() > deadline) throw new Error(`not within ${seconds} s`);
        await nextFrame();
      }
    },
    openConnections: () => open().length,
    /** Where others asked to be sent to; what answers a packet of theirs goes back to this machine anyway. */
    addresses: async () => {
      const reports = await Promise.all(open().map((connection) => connection.getStats()));
      const candidates = reports.flatMap((report) => [...report.values()]).filter(({ type }) => type === "remote-candidate");
      return candidates.filter(({ candidateType }) => candidateType === "host").map(({ address }) => address);
    },
    flow,
    /** Each open connection by its two ends, so that both of them name it alike, and any other otherwise. */
    pairs: () => open().map((connection) => [connection.localDescription, connection.remoteDescription].map(fragmentOf).sort().join()),
    frames: (type) => frames.filter((frame) => frame.type === type),
    holdBack: () => (held = []),
    letGo: () => {
      const frames = held ?? [];
      held = null;
      for (const frame of frames) frame();
    },
  };

  /** Their mean power since then, of which full scale is 1, and whether anything came. */
  function isAs(isLoud, before, now) {
    const seconds = now.seconds - before.seconds;
    const power = (now.energy - before.energy) / seconds;
    return seconds > WHILE_SECONDS && now.bytes > before.bytes && (isLoud ? power > LOUD : power < SILENT);
  }
})();

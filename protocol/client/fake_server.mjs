// fake_server.mjs - A desk of one chat for the client's tests: numbers lines, stores them when told to, forgets what was not
// stored when it crashes. Time and network are the test's: nothing moves unless run() or a step says so.

export class Clock {
  at = 0;
  timers = [];
  now() { return this.at; }
  setTimeout(then, ms) { const timer = { at: this.at + ms, then }; this.timers.push(timer); return timer; }
  clearTimeout(timer) { this.timers = this.timers.filter((t) => t !== timer); }
  // Runs what falls due until `ms` from now, in order of time.
  advance(ms) {
    const until = this.at + ms;
    for (;;) {
      const due = this.timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers = this.timers.filter((t) => t !== due);
      this.at = Math.max(this.at, due.at);
      due.then();
    }
    this.at = until;
  }
}

// A small generator with a seed (mulberry32): the same seed, the same run.
export function seeded(seed) {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const random = (bytes) => { for (let i = 0; i < bytes.length; i++) bytes[i] = next() & 255; return bytes; };
  return { random, below: (n) => next() % n };
}

export class FakeServer {
  epoch = 1;
  chat = "1001";
  lines = [];        // of the one chat; index + 1 is the seq
  stored = 0;
  links = new Set();
  up = true;
  at = 0;
  refuse = null;     // (frame) => error frame to answer with instead, or null

  // The WebSocket class of one client: its frames wait in two queues until the test lets them through.
  socketOf(person, role) {
    const server = this;
    return class {
      constructor(url, protocol) {
        Object.assign(this, { url, protocol, person, role, toServer: [], toClient: [], gone: false, signedIn: false, heard: [] });
        server.links.add(this);
        this.toClient.push(() => this.onopen());
      }
      send(text) { this.toServer.push(text); }
      close(code = 1000) { this.cut(code, false); }
      cut(code = 1006, tell = true) {
        if (this.gone) return;
        this.gone = true;
        server.links.delete(this);
        if (tell) this.onclose({ code });
      }
      tell(frame) { this.toClient.push(() => this.onmessage({ data: JSON.stringify(frame) })); }
    };
  }

  // Lets one waiting frame through, in the direction asked for. Returns whether there was one.
  pass(link, toServer) {
    if (link.gone) return false;
    if (toServer) {
      const text = link.toServer.shift();
      if (text === undefined) return false;
      if (this.up) this.hear(link, JSON.parse(text));
    } else {
      const act = link.toClient.shift();
      if (!act) return false;
      if (this.up) act(); else link.cut();
    }
    return true;
  }

  run() { for (let moved = true; moved;) { moved = false; for (const link of [...this.links]) for (const way of [true, false]) moved = this.pass(link, way) || moved; } }

  tellAll(frame) { for (const link of this.links) if (link.signedIn) link.tell(frame); }

  hear(link, frame) {
    link.heard.push(frame);
    const refusal = this.refuse?.(frame);
    if (refusal) return link.tell(refusal);
    switch (frame.type) {
      case "sign_in":
        link.signedIn = true;
        return link.tell({ type: "signed_in", session: "7", role: link.role, person: link.person, desk: "d", shop: "", epoch: this.epoch,
                           now: "2026-01-01T00:00:00.000Z", token: link.role === "guest" && !frame.token ? "guest-token" : "", expires: "2026-01-01T00:00:00.000Z" });
      case "resume":
        for (const held of frame.chats) {
          const from = held.stored > this.lines.length ? 0 : held.epoch === this.epoch ? held.seq : held.stored;
          link.tell(this.state());
          for (const line of this.lines.slice(from)) link.tell(this.frameOf(line));
        }
        return;
      case "open":
        link.tell(this.state());
        for (const line of this.lines) link.tell(this.frameOf(line));
        return link.tell({ type: "done", id: frame.id, chat: this.chat });
      case "say": return this.say(link, frame);
      default: if (frame.id) link.tell({ type: "done", id: frame.id });
    }
  }

  say(link, frame) {
    let line = this.lines.find((l) => l.id === frame.id);
    if (!line) {
      line = { seq: this.lines.length + 1, at: `t${++this.at}`, id: frame.id, text: frame.text, origin: link.role === "agent" ? "human" : "buyer", author: link.person };
      this.lines.push(line);
      for (const other of this.links) if (other !== link && other.signedIn) other.tell(this.frameOf(line));
    }
    if (line.seq <= this.stored) link.tell({ type: "stored", chat: this.chat, stream: "main", stored: this.stored, lines: [{ id: line.id, seq: line.seq, at: line.at }] });
  }

  accept() {
    for (const line of this.lines.slice(this.stored))
      for (const link of this.links)
        if (link.signedIn && link.person === line.author) link.tell({ type: "accepted", chat: this.chat, stream: "main", id: line.id, seq: line.seq, at: line.at });
  }

  commit(count = this.lines.length) {
    const fresh = this.lines.slice(this.stored, this.stored + count);
    this.stored += fresh.length;
    for (const link of this.links)
      if (link.signedIn) link.tell({ type: "stored", chat: this.chat, stream: "main", stored: this.stored,
                                     lines: fresh.filter((l) => l.author === link.person).map(({ id, seq, at }) => ({ id, seq, at })) });
  }

  // kill -9, or a dump restored where the test has lowered `stored`: what was not stored is gone, every socket is cut, the next start has another epoch.
  crash() {
    this.lines.length = this.stored;
    this.epoch++;
    for (const link of [...this.links]) link.cut();
  }

  frameOf({ author, ...line }) { return { type: "line", chat: this.chat, stream: "main", kind: "words", from: author === "buyer" ? "" : author, stored: this.stored, ...line }; }
  state() { return { type: "chat_state", chat: this.chat, epoch: this.epoch, place: "held", seq: this.lines.length, stored: this.stored }; }
}

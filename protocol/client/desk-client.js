// desk-client.js - The deskd.v1 client, for browser and Node alike: no DOM, no dependency, its WebSocket is a parameter.
//
//     app ── say, open, recall ... ──> outbox ──> socket ──> deskd
//     app <── events, client.chats <── lines, stored, state ──┘
//
// A command gets 128 random bits before it is first sent and stays in the outbox until its answer is safe: for a line, until
// the watermark `stored` has passed it; for everything else, until it is answered. A lost socket ends nothing: the client
// comes back with backoff, says for each chat what it holds (epoch, seq, stored), waits for what it lacks, and sends again
// what the server does not know, under the old ids. The server makes one line of it, however often it comes.
//
// A line has one tick when it is `accepted` and two when it is `stored`; the other side's `delivered` and `read` are marks
// of their own. What a restart of the server lost is kept in chat.unrecorded and shown as not recorded.
//
// The app's part: keep signed_in.token of a guest and pass it in the next time; refresh(token) before signed_in.expires; after
// "ended" with 4500 or 4505 set `token` to a new one and connect(), with 4501 of a guest to "" or to the buyer's; say watch and
// figures again after each "open".

export const PROTOCOL = "deskd.v1";

// The first wait before coming back, and the longest. Each is drawn evenly from 0 to its bound, so that thousands of clients
// who lost the same server do not return in the same moment.
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
// The server speaks at least this often (it pings); a longer silence is a dead line.
const SILENCE_MAX_MS = 90_000;
// The server takes a mark of a chat at most once a second.
const MARK_EVERY_MS = 1000;
// The server ends the session of who says a longer message, and would again each time that it came from the outbox.
const MESSAGE_BYTES_MAX = 65_536;
// A resume names at most so many chats; what does not fit goes into a second one.
const RESUME_CHATS_MAX = 256;
// What is sent again after coming back: so many commands and marks at once, half of a buyer's burst, and the rest at a buyer's
// pace.
const RESEND_BURST = 10;
const RESEND_EVERY_MS = 500;

// Commands by the name of their method. Those that make a line say what the author may show of it before it has come back.
const COMMANDS = {
  open: null, choose: null,
  say: (c) => ({ kind: "words", text: c.text, reply_to: c.reply_to, origin: c.assist ? "assist" : undefined }),
  recall: (c) => ({ kind: "recalled", reply_to: c.seq }),
  answer_order: (c) => ({ kind: "order_answer", order_answer: c.answer }),
  rate: (c) => ({ kind: "rating", rating: c.rating }),
  propose_order: (c) => ({ kind: "order", order: c.order }),
  close: () => ({ kind: "closed", origin: "system" }),
  transfer: (c) => ({ kind: "transferred", text: c.agent || c.queue, origin: "system" }),
  reassign: (c) => ({ kind: "transferred", text: c.agent || c.queue, origin: "system" }),
  set_status: null, accept: null, decline: null, pull: null, no_answer_needed: null, wrap_up_done: null, read_history: null,
  watch: null, take_over: null, set_agent: null, set_surge: null, explain: null, figures: null,
};
export const COMMAND_TYPES = Object.keys(COMMANDS);

const STREAMS = new Set(["main", "inside"]);

// Errors that say "later" and not "no": the command stays in the outbox. So does every other that says after how long.
const LATER = new Set(["rate_limited", "storage_behind", "overloaded", "draining"]);

const BAD_TOKEN = 4500;

// Close codes 4500-4999 say that coming back is of no use; all others, also those of the network, that it is.
export const mayReconnect = (code) => !(code >= 4500 && code <= 4999);

// One stream of a chat: its lines by seq, the last one before the first gap, and the watermark.
class Stream {
  lines = new Map();
  seq = 0;
  stored = 0;

  // What comes again replaces what was held; only that it was said here the server does not say.
  put(line) {
    const held = this.lines.get(line.seq);
    this.lines.set(line.seq, { ...line, mine: line.mine || (held?.id === line.id && held?.mine) || undefined });
    while (this.lines.has(this.seq + 1)) this.seq++;
  }

  // Every line up to this is here, and as it is: one that a lost recall hid only the server can show again.
  holds() {
    const doubtful = [...this.lines.values()].filter((line) => line.doubtful);
    return Math.min(this.seq, ...doubtful.map((line) => line.seq - 1));
  }

  // The watermark as far as the lines are here: it may be told of lines that are still on their way, and a client that claimed
  // to hold those would never get them.
  safe() { return Math.min(this.stored, this.holds()); }

  // Takes out and returns what another epoch makes uncertain: every line above the watermark.
  cut() {
    const lost = [...this.lines.values()].filter((line) => line.seq > this.stored);
    for (const line of lost) this.lines.delete(line.seq);
    this.seq = Math.min(this.seq, this.stored);
    for (const line of lost) {
      const hidden = line.kind === "recalled" && this.lines.get(line.reply_to);
      if (hidden) hidden.doubtful = true;
    }
    return lost;
  }

  inOrder() { return [...this.lines.values()].sort((a, b) => a.seq - b.seq); }
}

class Chat {
  main = new Stream();
  inside = new Stream();
  state = {};          // the last chat_state
  in_line = null;
  typing = { buyer: false, agent: false };
  unrecorded = [];     // lines that a restart of the server lost; sent again, they come back under the same id
  held = true;         // false once it was released: it is not resumed any more

  constructor(id, epoch) {
    this.id = id;
    this.epoch = epoch;
  }

  stream(name) { return name === "inside" ? this.inside : this.main; }
  lines() { return this.main.inOrder(); }
  // How far the server is known to have the marks of one side.
  marksOf(buyer) {
    const side = buyer ? "buyer" : "agent";
    return { delivered: this.state[`${side}_delivered`] ?? 0, read: this.state[`${side}_read`] ?? 0 };
  }
  // Ended, and all of it is here and safe: there is nothing left to ask for.
  whole() { return this.state.place === "closed" && this.main.safe() >= (this.state.seq ?? 0); }
}

export class DeskClient {
  // url: ws(s)://host/v1/shops/SHOP/buyer or /v1/desks/DESK/agent. token: empty for a guest, who is given one.
  // clock and random are parameters so that tests own them.
  constructor({ url, token = "", WebSocket = globalThis.WebSocket, delivered = true,
                clock = { now: () => Date.now(), setTimeout: (f, ms) => setTimeout(f, ms), clearTimeout: (t) => clearTimeout(t) },
                random = (bytes) => globalThis.crypto.getRandomValues(bytes) }) {
    Object.assign(this, { url, token, WebSocket, clock, random, markDelivered: delivered });
    this.connection = "closed";   // closed, connecting, signing_in, open, waiting, ended
    this.me = null;               // the last signed_in
    this.chats = new Map();
    this.fresh = [];              // tokens of refresh() that the server has not judged yet
    this.outbox = new Map();      // id -> {frame, line, seq, accepted, sent, resolve, reject}; line and seq: of what makes one
    this.named = [];              // what the last resume said of each chat
    this.resuming = new Map();    // chat -> its chat_state, once that has come; gone when its lines have come too
    this.listeners = new Map();
    this.attempts = 0;
    this.retryAfterMs = 0;        // what the server asked for with its last "later"
    this.burst = Infinity;        // so many commands and marks may go at once, the others one every paceMs
    this.paceMs = 0;
    this.pausedUntil = 0;
    this.timers = {};
    this.marks = new Map();       // chat -> {delivered, read, at, refused}, of those chats whose marks the server takes
    for (const type of COMMAND_TYPES) {
      const method = type.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
      if (type !== "close") this[method] ??= (fields = {}) => this.command(type, fields);
    }
  }

  on(type, listener) {
    if (!this.listeners.has(type)) this.listeners.set(type, []);
    this.listeners.get(type).push(listener);
    return this;
  }
  emit(type, ...what) {
    for (const listener of this.listeners.get(type) ?? []) listener(...what);
    for (const listener of this.listeners.get("*") ?? []) listener(type, ...what);
  }

  // --- the socket ---------------------------------------------------------------------------------------------------

  connect() {
    if (["connecting", "signing_in", "open"].includes(this.connection)) return;
    this.cancel("reconnect");
    this.become("connecting");
    const socket = new this.WebSocket(this.url, PROTOCOL);
    this.socket = socket;
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.become("signing_in");
      this.shown = this.fresh.at(-1) ?? this.token;
      this.write({ type: "sign_in", token: this.shown });
      this.watch_silence();
    };
    socket.onmessage = ({ data }) => { if (socket === this.socket) this.hear(data); };
    socket.onerror = () => {};    // a close follows
    socket.onclose = ({ code }) => { if (socket === this.socket) this.lost(code); };
  }

  // Leaves for good; what is in the outbox stays there for the next connect().
  disconnect() {
    const socket = this.socket;
    this.socket = null;
    this.cancel("reconnect", "silence", "send", "marks", "resume");
    this.become("closed");
    socket?.close(1000);
  }

  // A new token on the live session, and for every later one once the server has accepted it: until then the one before is
  // kept, to come back with if this one is refused.
  refresh(token) {
    this.fresh.push(token);
    if (this.connection === "open") this.write({ type: "refresh", token });
  }

  showFresh() { for (const token of this.fresh) this.write({ type: "refresh", token }); }

  lost(code) {
    this.socket = null;
    this.cancel("silence", "send", "marks", "resume");
    const refused = code === BAD_TOKEN ? this.fresh.pop() : undefined;
    if (!mayReconnect(code) && refused === undefined) {
      this.become("ended", code);
      return;
    }
    const bound = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.attempts++);
    const wait = this.retryAfterMs + bound * this.fraction();
    this.retryAfterMs = 0;
    this.become("waiting", code);
    this.after("reconnect", wait, () => this.connect());
  }

  become(connection, code = 0) {
    this.connection = connection;
    this.emit("connection", connection, code);
  }

  watch_silence() {
    this.after("silence", SILENCE_MAX_MS, () => {
      const socket = this.socket;
      this.lost(1006);
      socket?.close();
    });
  }

  write(message) { this.socket?.send(JSON.stringify(message)); }

  get ofBuyer() { return this.me?.role === "buyer" || this.me?.role === "guest"; }

  // --- what the app says ----------------------------------------------------------------------------------------------

  // Promises the answer: of a line once it is routed, of everything else what came back. Rejects with the server's error.
  command(type, fields = {}) {
    const id = this.newId();
    const frame = { type, id, ...fields };
    const preview = COMMANDS[type]?.(fields);
    const line = preview && { chat: fields.chat, stream: fields.inside ? "inside" : "main", id, mine: true,
                              origin: this.ofBuyer ? "buyer" : "human",
                              ...Object.fromEntries(Object.entries(preview).filter(([, value]) => value !== undefined)) };
    const answer = new Promise((resolve, reject) => this.outbox.set(id, { frame, line, seq: 0, accepted: false, sent: false, resolve, reject }));
    answer.catch(() => {});     // whoever does not wait for it hears of it through "error"
    answer.id = id;
    if (new TextEncoder().encode(JSON.stringify(frame)).length > MESSAGE_BYTES_MAX) {
      const error = { type: "error", id, code: "too_large", message: `the message is longer than ${MESSAGE_BYTES_MAX} bytes` };
      this.hear_error(error);
      this.emit("error", error, this.chats.get(fields.chat));
    }
    this.send();
    return answer;
  }

  say(chat, text, more = {}) { return this.command("say", { chat, text, ...more }); }
  recall(chat, seq, inside = false) { return this.command("recall", inside ? { chat, seq, inside } : { chat, seq }); }
  closeChat(chat) { return this.command("close", { chat }); }
  typing(chat, on) { if (this.connection === "open") this.write({ type: "typing", chat, on }); }

  // Marks only go forward, at most one frame a second and chat.
  mark(chat, { delivered = 0, read = 0 }) {
    const marks = this.marks.get(chat) ?? { delivered: 0, read: 0, at: -MARK_EVERY_MS, refused: false };
    this.marks.set(chat, marks);
    marks.delivered = Math.max(marks.delivered, delivered, read);
    marks.read = Math.max(marks.read, read);
    this.send();
  }

  // What of the author's line to show: "pending", "accepted" (one tick), "stored" (two), "delivered", "read", "unrecorded", and
  // "refused", of a line that the database would not hold: it has lost its words, and the watermark passes it all the same.
  tick(line) {
    const chat = this.chats.get(line.chat);
    if (!line.seq) return this.outbox.get(line.id)?.accepted ? "accepted" : "pending";
    if (line.kind === "refused") return "refused";
    if (chat?.unrecorded.includes(line)) return "unrecorded";
    if (!chat || line.seq > chat.stream(line.stream).stored) return "accepted";
    const other = chat.marksOf(line.origin !== "buyer");
    if (line.stream !== "inside" && line.seq <= other.read) return "read";
    if (line.stream !== "inside" && line.seq <= other.delivered) return "delivered";
    return "stored";
  }

  // Lines of a chat that are on their way: written, and not yet known under a seq. What only moves a chat is not shown before
  // it has happened.
  pending(chat) {
    return [...this.outbox.values()].filter((e) => e.line && e.line.origin !== "system" && !e.seq && e.frame.chat === chat).map((e) => e.line);
  }

  // --- what the server says -------------------------------------------------------------------------------------------

  hear(data) {
    this.watch_silence();
    const message = JSON.parse(data);
    // Inside the handler and without a timer: browsers slow the timers of hidden tabs, but not this.
    if (message.type === "ping") return this.write({ type: "pong", n: message.n });
    if (!STREAMS.has(message.stream ?? "main")) return;     // of a later server: it has numbers of its own
    this[`hear_${message.type}`]?.(message);
    this.emit(message.type, message, this.chats.get(message.chat));
  }

  hear_signed_in(message) {
    const first = this.connection !== "open";
    this.me = message;
    if (!first) {                 // the answer to a refresh
      const accepted = this.fresh.shift();
      this.token = message.token || accepted || this.token;
      return;
    }
    this.token = message.token || this.shown;
    this.fresh.splice(0, this.fresh.indexOf(this.shown) + 1);
    this.pausedUntil = 0;
    this.burst = RESEND_BURST;
    this.paceMs = RESEND_EVERY_MS;
    this.resume(message.epoch);
    // A line that has its number is told of again by the resume of its chat; without one it must be asked after.
    for (const entry of this.outbox.values()) entry.sent = Boolean(entry.seq) && this.resuming.has(entry.frame.chat);
    this.showFresh();
    this.become("open");
    this.send();
  }

  resume(epoch) {
    const held = [];
    this.resuming.clear();
    for (const chat of this.chats.values()) {
      const told = chat.epoch;
      // Also of one that is not named: it may be one's own again, and then comes whole.
      if (told !== epoch) this.loseTail(chat, epoch);
      if (!chat.held || chat.whole()) continue;
      held.push({ chat: chat.id, epoch: told, seq: chat.main.holds(), stored: chat.main.safe(),
                  ...(this.ofBuyer ? {} : { inside: chat.inside.holds(), inside_stored: chat.inside.safe() }) });
      this.resuming.set(chat.id, null);
    }
    this.named = held;
    // Also with nothing held: the answer is what is one's own by now, and the state of everything.
    if (!held.length) {
      this.write({ type: "resume", chats: [] });
      this.attempts = 0;
    }
    this.nameUnanswered();
  }

  nameUnanswered() {
    const held = this.named.filter(({ chat }) => this.resuming.get(chat) === null);
    for (let from = 0; from < held.length; from += RESUME_CHATS_MAX)
      this.write({ type: "resume", chats: held.slice(from, from + RESUME_CHATS_MAX) });
  }

  // The server started anew: only what was stored is certain. Own lines go back to being on their way.
  loseTail(chat, epoch) {
    chat.epoch = epoch;
    for (const stream of [chat.main, chat.inside]) chat.unrecorded.push(...stream.cut().filter((line) => !this.outbox.has(line.id)));
    for (const entry of this.outbox.values())
      if (entry.frame.chat === chat.id) Object.assign(entry, { seq: 0, accepted: false });
  }

  // Writes what the server does not know. What is left over after coming back is paced, because it takes only so much at once.
  send() {
    if (this.connection !== "open" || this.timers.send) return;
    for (const frame of this.due()) {
      this.write(frame);
      if (--this.burst <= 0) return this.sendIn(this.paceMs);
    }
    if (this.resuming.size) return;
    this.burst = Infinity;
    this.paceMs = 0;
  }

  // Commands in the old order, then marks. After coming back those of a chat wait for its state and lines, which may hold them.
  *due() {
    for (const entry of this.outbox.values()) {
      if (entry.sent || this.resuming.has(entry.frame.chat)) continue;
      entry.sent = true;
      yield entry.frame;
    }
    let soonest = Infinity;
    for (const [id, marks] of this.marks) {
      if (this.resuming.has(id)) continue;
      const chat = this.chats.get(id), { delivered, read } = marks;
      // The server takes a buyer's, and those of the agent who holds the chat.
      if (!chat?.held || chat.whole() || !(this.ofBuyer || chat.state.mine)) { this.marks.delete(id); continue; }
      const had = chat.marksOf(this.ofBuyer);
      if (!marks.refused && delivered <= had.delivered && read <= had.read) continue;
      const wait = marks.at + MARK_EVERY_MS - this.clock.now();
      if (wait > 0) { soonest = Math.min(soonest, wait); continue; }
      Object.assign(marks, { at: this.clock.now(), refused: false });
      this.hear_marks({ chat: id, buyer: this.ofBuyer, delivered, read });
      yield { type: "mark", chat: id, delivered, read };
    }
    if (soonest < Infinity) this.after("marks", soonest, () => this.send());
  }
  sendIn(ms) { this.after("send", ms, () => { this.timers.send = null; this.send(); }); }

  resumed(chat) {
    const state = this.resuming.get(chat.id);
    if (!state || chat.main.seq < (state.seq ?? 0) || chat.inside.seq < (state.inside ?? 0)) return;
    this.cameBack(chat.id);
    this.send();
  }

  // The next way back begins with the first wait again once all of this one is done: a server that can let in and cannot show
  // chats would be asked for them twice a second.
  cameBack(id) {
    const named = this.resuming.delete(id);
    if (named && !this.resuming.size) this.attempts = 0;
    return named;
  }

  hear_chat_state(message) {
    const chat = this.chat(message.chat, message.epoch);
    chat.state = message;
    // A database that was restored knows less than it told: what is above that is gone.
    if ((message.stored ?? 0) < chat.main.stored || (message.inside_stored ?? 0) < chat.inside.stored) {
      chat.main.stored = message.stored ?? 0;
      chat.inside.stored = message.inside_stored ?? 0;
      this.loseTail(chat, chat.epoch);
    }
    chat.held = true;
    if (message.place !== "waiting") chat.in_line = null;
    this.advance(chat, "main", message.stored ?? 0);
    this.advance(chat, "inside", message.inside_stored ?? 0);
    if (this.resuming.has(chat.id)) this.resuming.set(chat.id, message);
    this.resumed(chat);
  }

  hear_line(message) {
    const chat = this.chat(message.chat, this.me?.epoch);
    const { type, stored = 0, ...line } = message;
    const stream = line.stream ?? "main";
    const entry = line.id && this.outbox.get(line.id);
    this.place(chat, { ...line, stream, mine: Boolean(entry) || undefined });
    if (entry?.line && line.kind === "refused") this.hear_error({ id: line.id, code: "refused" });
    else if (entry?.line) this.known(entry, line.seq);
    this.advance(chat, stream, stored);
    this.resumed(chat);
    if (this.markDelivered && stream === "main" && !entry) this.mark(chat.id, { delivered: chat.main.seq });
  }

  hear_accepted({ chat, stream = "main", id, seq, at }) { this.own(this.chat(chat), stream, { id, seq, at }); }

  hear_stored({ chat: id, stream = "main", stored, lines = [] }) {
    const chat = this.chat(id);
    for (const line of lines) this.own(chat, stream, line);
    this.advance(chat, stream, stored);
  }

  hear_done(message) {
    const entry = this.outbox.get(message.id);
    if (!entry) return;
    // The line `joined` of a pull is the server's: the command is answered with this, and not kept until it is stored.
    if (!message.seq || !entry.line) return this.finish(entry, message);
    const chat = this.chat(message.chat ?? entry.frame.chat), { stream } = entry.line;
    this.own(chat, stream, { id: message.id, seq: message.seq });
    this.advance(chat, stream, 0);
  }

  hear_history(message) { this.answered(message); }
  hear_explained(message) { this.answered(message); }
  answered(message) { const entry = this.outbox.get(message.id); if (entry) this.finish(entry, message); }

  hear_error(message) {
    const later = LATER.has(message.code) || message.retry_after_ms > 0;
    if (later) this.retryAfterMs = message.retry_after_ms ?? 1000;
    const entry = message.id && this.outbox.get(message.id);
    if (!entry && message.code !== "rate_limited") {
      if (message.code === "bad_token") this.fresh.shift();   // the one before stays in force
      return;
    }
    if (!later) {
      this.outbox.delete(message.id);
      entry.reject(Object.assign(new Error(message.message || message.code), message));
      return;
    }
    // Everything waits, so that lines stay in the order in which they were said; then they go one by one: whoever was too
    // fast, or finds the database away, would only be refused again with all of it.
    const wait = this.retryAfterMs;
    this.retryAfterMs = 0;
    if (entry) entry.sent = false;
    else {
      // It has no id: a mark, of whichever chat, a refresh, or a resume, because the server tells one after the other.
      for (const marks of this.marks.values()) marks.refused = true;
      this.after("resume", wait, () => { this.nameUnanswered(); this.showFresh(); });
    }
    this.burst = 0;
    this.paceMs = Math.max(this.paceMs, message.code === "rate_limited" ? wait : RESEND_EVERY_MS);
    this.pausedUntil = Math.max(this.pausedUntil, this.clock.now() + wait);
    this.sendIn(this.pausedUntil - this.clock.now());
  }

  hear_marks({ chat: id, buyer, delivered = 0, read = 0 }) {
    const { state } = this.chat(id), side = buyer ? "buyer" : "agent";
    state[`${side}_delivered`] = Math.max(state[`${side}_delivered`] ?? 0, delivered);
    state[`${side}_read`] = Math.max(state[`${side}_read`] ?? 0, read);
  }
  hear_typing({ chat, buyer, on }) { this.chat(chat).typing[buyer ? "buyer" : "agent"] = Boolean(on); }
  hear_presence({ chat, buyer, present }) { this.chat(chat).state[buyer ? "buyer_present" : "agent_present"] = Boolean(present); }
  hear_in_line(message) { this.chat(message.chat).in_line = message; }
  hear_released({ chat }) {
    const held = this.chats.get(chat);
    if (held) held.held = false;
    if (!this.cameBack(chat)) return;
    for (const entry of this.outbox.values()) if (entry.frame.chat === chat) entry.sent = false;
    this.send();
  }

  // --- the chat's book-keeping ----------------------------------------------------------------------------------------

  chat(id, epoch = this.me?.epoch) {
    if (!this.chats.has(id)) this.chats.set(id, new Chat(id, epoch));
    return this.chats.get(id);
  }

  place(chat, line) {
    const stream = chat.stream(line.stream);
    stream.put(line);
    if (line.kind === "recalled") {
      const taken = stream.lines.get(line.reply_to);
      if (taken) Object.assign(taken, { hidden: true, text: "" });
    }
    // What was held to be lost is here after all: said again under its id, or stored before the server fell.
    chat.unrecorded = chat.unrecorded.filter((lost) => lost.id ? lost.id !== line.id : lost.seq !== line.seq || lost.at !== line.at);
  }

  // The author's own line has its number: the words come from the outbox, unless the server has said the line itself, the number
  // and time from the server.
  own(chat, stream, { id, seq, at }) {
    const entry = this.outbox.get(id);
    if (!entry?.line) return;
    const held = chat.stream(stream).lines.get(seq);
    this.place(chat, { ...(held?.id === id ? held : entry.line), chat: chat.id, stream, seq, ...(at ? { at } : {}) });
    this.known(entry, seq);
  }

  known(entry, seq) {
    Object.assign(entry, { seq, accepted: true, sent: true });
    entry.resolve({ id: entry.frame.id, chat: entry.frame.chat, seq });
  }

  advance(chat, name, stored) {
    const stream = chat.stream(name);
    stream.stored = Math.max(stream.stored, stored);
    for (const [id, entry] of this.outbox)
      if (entry.seq && entry.seq <= stream.stored && entry.frame.chat === chat.id && entry.line.stream === name)
        this.outbox.delete(id);
  }

  finish(entry, answer) {
    this.outbox.delete(entry.frame.id);
    entry.resolve(answer);
  }

  // --- time and chance ------------------------------------------------------------------------------------------------

  after(name, ms, then) {
    this.cancel(name);
    this.timers[name] = this.clock.setTimeout(then, ms);
  }
  cancel(...names) { for (const name of names) { if (this.timers[name]) this.clock.clearTimeout(this.timers[name]); this.timers[name] = null; } }
  newId() { return [...this.random(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join(""); }
  fraction() { return new DataView(this.random(new Uint8Array(4)).buffer).getUint32(0) / 2 ** 32; }
}

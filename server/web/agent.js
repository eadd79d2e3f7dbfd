// agent.js - An agent's page: good enough to answer by hand. /agent?desk=NAME#token=...
import { DeskClient } from "/client.js";

const $ = (id) => document.getElementById(id);
const desk = new URLSearchParams(location.search).get("desk") ?? "demo";
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const client = new DeskClient({ url: `${location.origin.replace(/^http/, "ws")}/v1/desks/${desk}/agent`, token });
let current = null, typingUntil = 0;
const offers = new Map(), wrapping = new Map();

const TICKS = { pending: "…", accepted: "✓", stored: "✓✓", delivered: "✓✓ delivered", read: "✓✓ read", unrecorded: "not recorded", refused: "refused" };
const time = (at) => (at ? new Date(at).toLocaleTimeString() : "");
const say = (text) => { $("where").textContent = text; };
const show = (error) => say(error.message);

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;      // words stay words, whatever they look like
  made.className = className;
  return made;
}
function button(text, act) {
  const made = element("button", text);
  made.type = "button";
  made.onclick = act;
  return made;
}

function told(line) {
  if (line.hidden && line.kind === "words") return "(taken back)";
  if (line.kind === "order") return `Order ${line.order?.order_no} v${line.order?.version}: ${(line.order?.items ?? []).map((i) => `${i.article} ${i.spec ?? ""} ${i.colour ?? ""} × ${i.quantity}`).join(", ")}; ${line.order?.recipient}, ${line.order?.phone}, ${line.order?.address}`;
  if (line.kind === "order_answer") return line.order_answer?.confirmed ? "Order confirmed" : `Asked to correct: ${(line.order_answer?.corrections ?? []).map((c) => `${c.field} → ${c.value}`).join(", ")}`;
  if (line.kind === "rating") return `Rated ${line.rating?.score} of 5 ${line.rating?.text ?? ""}`;
  if (line.kind !== "words") return `${line.kind} ${line.text ?? ""} ${line.reason ?? ""}`;
  return line.text ?? "";
}

function draw() {
  $("connection").textContent = client.connection;
  const wrapUps = [...wrapping].filter(([, until]) => new Date(until) > new Date()).map(([chat, until]) => {
    const row = element("div", `A place is kept for wrapping up until ${time(until)} `, "row");
    row.append(button("Done", () => { wrapping.delete(chat); client.wrapUpDone({ chat }).catch(show); draw(); }));
    return row;
  });
  $("offers").replaceChildren(...wrapUps, ...[...offers.values()].map((offer) => {
    const row = element("div", `Offered: ${offer.queue}, waiting ${Math.round(offer.waited_ms / 1000)} s `, "row");
    row.append(button("Accept", () => client.accept({ chat: offer.chat }).catch(show)), button("Decline", () => client.decline({ chat: offer.chat }).catch(show)));
    return row;
  }));
  const held = [...client.chats.values()].filter((c) => c.held && c.state.place && c.state.place !== "closed");
  held.sort((a, b) => (a.state.waiting_since ?? "9").localeCompare(b.state.waiting_since ?? "9"));
  if (!current && held.length) current = held[0].id;
  $("chats").replaceChildren(...held.map((c) => {
    const last = c.lines().filter((l) => l.kind === "words").at(-1);
    const row = button(`${c.state.buyer || c.id} — ${last?.text?.slice(0, 30) ?? ""}`, () => { current = c.id; draw(); });
    row.setAttribute("aria-current", String(c.id === current));
    if (c.state.waiting_since) row.className = "waits";
    row.append(element("div", `${c.state.queue ?? ""} ${c.state.waiting_since ? `waits since ${time(c.state.waiting_since)}` : ""}${c.typing.buyer ? " typing …" : ""}`, "small"));
    return row;
  }));
  const chat = current && client.chats.get(current);
  if (!chat) return $("lines").replaceChildren();
  const lines = [...chat.lines(), ...chat.inside.inOrder(), ...chat.unrecorded].sort((a, b) => (a.at ?? "9").localeCompare(b.at ?? "9"));
  $("lines").replaceChildren(...[...lines, ...client.pending(current)].map((line) => {
    const mine = line.origin === "human" || line.origin === "assist";
    const box = element("div", told(line), `line ${mine ? "mine" : line.kind === "words" ? line.origin : "system"} ${line.stream === "inside" ? "inside" : ""}`);
    const tick = line.mine ? client.tick(line) : "";
    if (tick === "unrecorded") box.classList.add("unrecorded");
    box.append(element("div", `${mine && tick ? TICKS[tick] : (line.from ?? "")} ${time(line.at)}`, "small"));
    if (line.mine && line.kind === "words" && line.seq && !line.hidden) box.lastChild.append(" ", button("take back", () => client.recall(current, line.seq, line.stream === "inside").catch(show)));
    return box;
  }));
  $("lines").scrollTop = $("lines").scrollHeight;
  const last = chat.lines().filter((l) => l.origin === "buyer").at(-1);
  if (last && chat.state.mine && document.hasFocus()) client.mark(current, { delivered: last.seq, read: last.seq });
}

client.on("agent_state", (me) => {
  $("title").textContent = `${me.title || me.agent}: ${me.load} of ${me.capacity} places, ${me.held} chats`;
  $("status").value = me.status;
});
client.on("offer", (offer) => offers.set(offer.chat, offer));
client.on("offer_ended", ({ chat }) => offers.delete(chat));
client.on("chat_state", ({ chat, place }) => { if (place !== "reserved") offers.delete(chat); });
client.on("wrap_up", ({ chat, until }) => wrapping.set(chat, until));
client.on("warning", ({ chats = [] }) => say(chats.map((c) => `${client.chats.get(c.chat)?.state.buyer ?? c.chat} ${c.breached ? "waits too long" : `at ${c.percent} %`}`).join(", ")));
client.on("error", (error) => say(error.message || error.code));
client.on("*", draw);

for (const status of ["available", "draining", "on_break", "away", "signed_out"]) $("status").append(new Option(status, status));
$("status").onchange = () => client.setStatus({ status: $("status").value }).catch(show);
$("pull").onclick = () => client.pull().then((done) => { current = done.chat ?? current; draw(); }).catch(show);
$("form").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !current) return;
  $("text").value = "";
  client.say(current, text, $("inside").checked ? { inside: true } : {}).catch(show);
  draw();
};
$("text").oninput = () => {
  if (current && !$("inside").checked && Date.now() > typingUntil) { client.typing(current, true); typingUntil = Date.now() + 3000; }
};
$("close").onclick = () => current && client.closeChat(current).then(() => { current = null; draw(); }).catch(show);
$("noanswer").onclick = () => current && client.noAnswerNeeded({ chat: current, seq: client.chat(current).main.seq }).catch(show);
$("why").onclick = () => current && client.explain({ chat: current }).then((answer) => say(answer.text)).catch(show);
$("history").onclick = () => current && client.readHistory({ chat: current })
  .then(({ chats = [] }) => say(chats.map((c) => `${c.opened.slice(0, 10)}: ${(c.lines ?? []).map((l) => l.text).filter(Boolean).join(" / ")}`).join(" — ") || "No earlier chats")).catch(show);
$("transfer").onclick = () => {
  const to = current && prompt("Agent's number, or queue:NAME");
  if (to) client.transfer({ chat: current, ...(to.startsWith("queue:") ? { queue: to.slice(6) } : { agent: to }) }).catch(show);
};
$("order").onclick = () => {
  const before = current && client.chats.get(current).lines().filter((l) => l.kind === "order").at(-1)?.order;
  const answer = current && prompt("order no | article | spec | colour | quantity | recipient | phone | address",
    before ? [before.order_no, before.items[0].article, before.items[0].spec, before.items[0].colour, before.items[0].quantity, before.recipient, before.phone, before.address].join(" | ")
           : "A-1001 | Desk lamp | 40 cm | white | 1 | 王小明 | 13800000000 | 上海市静安区南京西路 1 号");
  if (!answer) return;
  const [order_no, article, spec, colour, quantity, recipient, phone, address] = answer.split("|").map((part) => part.trim());
  client.proposeOrder({ chat: current, order: { order_no, items: [{ article, spec, colour, quantity: Number(quantity) }], address, recipient, phone, requests: "",
    return_terms: "7 days, unused, in its box", terms_told: new Date().toISOString(), version: (before?.order_no === order_no ? before.version : 0) + 1 } }).catch(show);
};
window.onfocus = draw;
client.connect();

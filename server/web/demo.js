// demo.js - A buyer's page: good enough to chat by hand. /demo?shop=NAME, and #token=... for a named buyer; without one the
// visitor is a guest, whose token the browser keeps.
import { DeskClient } from "/client.js";

const $ = (id) => document.getElementById(id);
const shop = new URLSearchParams(location.search).get("shop") ?? "demo";
const given = new URLSearchParams(location.hash.slice(1)).get("token");
const kept = `deskd-guest-${shop}`;
const client = new DeskClient({ url: `${location.origin.replace(/^http/, "ws")}/v1/shops/${shop}/buyer`, token: given ?? localStorage.getItem(kept) ?? "" });
let chat = null, typingUntil = 0;

const TICKS = { pending: "…", accepted: "✓", stored: "✓✓", delivered: "✓✓ delivered", read: "✓✓ read", unrecorded: "not recorded" };
const time = (at) => (at ? new Date(at).toLocaleTimeString() : "");

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;      // words stay words, whatever they look like
  made.className = className;
  return made;
}

function told(line) {
  if (line.kind === "refused") return "(could not be recorded)";
  if (line.hidden) return "(taken back)";
  switch (line.kind) {
    case "joined": return `${line.text || line.from || "Somebody"} is here`;
    case "transferred": return `You are passed on to ${line.text}`;
    case "closed": return "The chat has ended";
    case "reopened": return "Welcome back";
    case "recalled": return "A message was taken back";
    case "order_answer": return line.order_answer?.confirmed ? "Order confirmed" : `Please correct: ${(line.order_answer?.corrections ?? []).map((c) => `${c.field} → ${c.value}`).join(", ")}`;
    case "rating": return "★".repeat(line.rating?.score ?? 0);
    default: return line.text ?? "";
  }
}

function order(line, held) {
  const box = element("div", "");
  const { order: it } = line;
  box.append(element("strong", `Please check your order ${it.order_no}`));
  for (const item of it.items ?? []) box.append(element("div", `${item.article} ${item.spec ?? ""} ${item.colour ?? ""} × ${item.quantity}`));
  for (const field of ["address", "recipient", "phone", "requests", "return_terms"]) if (it[field]) box.append(element("div", `${field.replace("_", " ")}: ${it[field]}`));
  const newest = held.lines().filter((l) => l.kind === "order" && l.order.order_no === it.order_no).at(-1) === line;
  if (!newest || held.lines().some((l) => l.kind === "order_answer" && l.reply_to === line.seq)) return box;
  const answer = (confirmed, corrections) => client.answerOrder({ chat: held.id, answer: { order: line.seq, version: it.version, confirmed, corrections } }).catch(show);
  const right = element("button", "All correct"), wrong = element("button", "Something is wrong");
  right.onclick = () => answer(true, []);
  wrong.onclick = () => {
    const field = prompt("Which field? (address, recipient, phone, items[0].quantity ...)", "address");
    const value = field && prompt(`What should ${field} be?`);
    if (value) answer(false, [{ field, value }]);
  };
  box.append(right, wrong);
  return box;
}

function draw() {
  const held = chat && client.chats.get(chat);
  $("connection").textContent = client.connection;
  if (!held) return;
  const { state } = held;
  const lines = [...held.lines(), ...held.unrecorded, ...client.pending(chat)];
  $("lines").replaceChildren(...lines.map((line) => {
    const mine = line.origin === "buyer";
    const box = element("div", line.kind === "order" ? "" : told(line), `line ${mine ? "mine" : line.kind === "words" ? line.origin : "system"}`);
    if (line.kind === "order") { box.className = "line"; box.append(order(line, held)); }
    const tick = mine ? client.tick(line) : "";
    if (tick === "unrecorded") box.classList.add("unrecorded");
    if (line.kind === "words") box.append(element("div", `${mine ? TICKS[tick] : (line.from ?? "")} ${time(line.at)}`, "small"));
    if (mine && line.kind === "words" && line.seq && !line.hidden) {
      const back = element("button", "take back", "small");
      back.onclick = () => client.recall(chat, line.seq).catch(show);
      box.lastChild.append(" ", back);
    }
    return box;
  }));
  $("lines").scrollTop = $("lines").scrollHeight;
  const place = held.in_line;
  $("where").textContent =
    state.place === "waiting" ? `In line${place ? `, ${place.ahead} before you${place.wait_p90_s ? `, about ${Math.ceil(place.wait_p50_s / 60)} to ${Math.ceil(place.wait_p90_s / 60)} min` : ""}` : ""}`
    : state.place === "held" ? `${state.agent_title || state.agent} is with you${held.typing.agent ? ", typing …" : ""}`
    : state.place === "left_message" ? "Your message is left; you will be answered" : (state.place ?? "");
  $("choice").hidden = !(state.place === "waiting" && place?.choose);
  $("close").hidden = state.place === "closed";
  $("rate").hidden = state.place !== "closed" || Boolean(state.rated);
  const last = held.lines().filter((l) => l.origin !== "buyer").at(-1);
  if (last && document.hasFocus()) client.mark(chat, { delivered: last.seq, read: last.seq });
}

function show(error) { $("where").textContent = error.message; }

client.on("signed_in", (me) => { if (me.token) localStorage.setItem(kept, me.token); });
client.on("connection", (now) => { if (now === "open" && !chat) client.open().then((done) => { chat = done.chat ?? chat; draw(); }).catch(show); });
client.on("chat_state", (state) => { if (!chat || client.chats.get(chat)?.state.place === "closed") chat = state.chat; });
client.on("*", draw);

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  if (!chat || client.chats.get(chat)?.state.place === "closed") {
    const done = await client.open().catch(show);
    if (done?.chat) chat = done.chat;
  }
  if (chat) client.say(chat, text).catch(show);
  draw();
};
$("text").oninput = () => {
  if (chat && Date.now() > typingUntil) { client.typing(chat, true); typingUntil = Date.now() + 3000; }
};
$("close").onclick = () => chat && client.closeChat(chat).catch(show);
$("wait").onclick = () => client.choose({ chat, choice: "wait" }).catch(show);
$("leave").onclick = () => client.choose({ chat, choice: "leave_message" }).catch(show);
for (let score = 1; score <= 5; score++) {
  const star = element("button", "★".repeat(score));
  star.onclick = () => client.rate({ chat, rating: { score } }).catch(show);
  $("rate").append(star);
}
window.onfocus = draw;
client.connect();

// desk-client_test.mjs - The client against a fake desk whose network and clock the test owns.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { COMMAND_TYPES, DeskClient, mayReconnect } from "./desk-client.js";
import { Clock, FakeServer, seeded } from "./fake_server.mjs";

function setUp({ role = "buyer", person = "buyer", token = "t", seed = 1 } = {}, server = new FakeServer(), clock = new Clock()) {
  const { random, below } = seeded(seed);
  const client = new DeskClient({ url: "ws://shop/v1/shops/s/buyer", token, WebSocket: server.socketOf(person, role), clock, random });
  return { client, server, clock, below };
}

async function opened(options) {
  const all = setUp(options);
  all.client.connect();
  all.server.run();
  all.answer = all.client.open();
  all.server.run();
  await all.answer;
  all.link = () => [...all.server.links].at(-1);
  all.chat = () => all.client.chats.get(all.server.chat);
  return all;
}

const texts = (chat) => chat.lines().map((line) => line.text);

test("signs in with the token in the first message, over the subprotocol", () => {
  const { client, server } = setUp({ token: "secret" });
  client.connect();
  server.run();
  const [link] = server.links;
  assert.equal(link.protocol, "deskd.v1");
  assert.ok(!link.url.includes("secret"));
  assert.deepEqual(link.heard[0], { type: "sign_in", token: "secret" });
  assert.equal(client.connection, "open");
});

test("a guest keeps the token it was given and shows it the next time", () => {
  const { client, server, clock } = setUp({ role: "guest", token: "" });
  client.connect();
  server.run();
  [...server.links][0].cut();
  clock.advance(60_000);
  server.run();
  assert.deepEqual([...server.links][0].heard[0], { type: "sign_in", token: "guest-token" });
});

test("a first session resumes too, with nothing: the answer is what is one's own by now", () => {
  const { client, server } = setUp();
  client.connect();
  server.run();
  assert.deepEqual([...server.links][0].heard[1], { type: "resume", chats: [] });
});

test("a chat that has ended and is here whole is not asked for again", async () => {
  const { client, server, clock, link } = await opened();
  client.say(server.chat, "bye"); server.run(); server.commit(); server.run();
  link().tell({ ...server.state(), place: "closed" }); server.run();
  link().cut(); clock.advance(60_000); server.run();
  assert.deepEqual(link().heard[1], { type: "resume", chats: [] });
});

test("a command's id is 128 bits in hex, and no two are the same", () => {
  const { client } = setUp();
  const ids = new Set(Array.from({ length: 1000 }, () => client.newId()));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test("one tick when accepted, two when stored, and only then does the command leave the outbox", async () => {
  const { client, server, chat } = await opened();
  client.say(server.chat, "你好 👋");
  const [line] = client.pending(server.chat);
  assert.equal(client.tick(line), "pending");
  server.run(); server.accept(); server.run();
  assert.equal(client.tick(chat().lines()[0]), "accepted");
  assert.equal(client.outbox.size, 1);
  server.commit(); server.run();
  assert.equal(client.tick(chat().lines()[0]), "stored");
  assert.equal(client.outbox.size, 0);
  assert.deepEqual(texts(chat()), ["你好 👋"]);
});

test("delivered and read are the other side's marks and only move forward", async () => {
  const { client, server, chat, link } = await opened();
  client.say(server.chat, "a"); server.run(); server.commit(); server.run();
  const [line] = chat().lines();
  link().tell({ type: "marks", chat: server.chat, buyer: false, delivered: 1, read: 0 }); server.run();
  assert.equal(client.tick(line), "delivered");
  link().tell({ type: "marks", chat: server.chat, buyer: false, delivered: 1, read: 1 }); server.run();
  link().tell({ type: "marks", chat: server.chat, buyer: false, delivered: 0, read: 0 }); server.run();
  assert.equal(client.tick(line), "read");
});

test("marks go out at most once a second and never back", async () => {
  const { client, server, clock, link } = await opened();
  const sent = () => link().heard.filter((f) => f.type === "mark").map((f) => f.read);
  client.mark(server.chat, { read: 1 }); client.mark(server.chat, { read: 2 }); client.mark(server.chat, { read: 3 }); client.mark(server.chat, { read: 2 });
  server.run();
  assert.deepEqual(sent(), [1]);
  clock.advance(999); server.run();
  assert.deepEqual(sent(), [1]);
  clock.advance(1); server.run();
  assert.deepEqual(sent(), [1, 3]);
});

// An agent's tab that hears of many chats, each with one line of its buyer, which she has read.
async function busy(chats) {
  const all = await opened({ role: "agent", person: "07" });
  const { client, server, link } = all;
  all.ids = Array.from({ length: chats }, (_, i) => String(2001 + i));
  all.state = (chat, more = {}) => ({ ...server.state(), chat, mine: true, seq: 1, stored: 1, ...more });
  for (const chat of all.ids) {
    link().tell(all.state(chat));
    link().tell({ type: "line", chat, seq: 1, at: "t1", origin: "buyer", kind: "words", text: "hi", stored: 1 });
  }
  server.run();
  for (const chat of all.ids) client.mark(chat, { read: 1 });
  all.clock.advance(1000); server.run();
  all.marked = () => link().heard.filter((f) => f.type === "mark").map((f) => f.chat);
  // Answers a resume of these chats, each with its state and what `more` says of it.
  all.resumes = (more) => { server.refuse = (frame) => {
    if (frame.type !== "resume") return null;
    for (const { chat } of frame.chats) link().tell(chat === server.chat ? server.state() : all.state(chat, more(chat)));
    return { type: "nothing" };
  }; };
  all.comeBack = () => { link().cut(); all.clock.advance(31_000); server.run(); };
  return all;
}

// Once a tab said the marks of every chat that it had ever heard, all at once, when it came back: 160 of them ended it as
// flooding, for good.
test("marks of chats that are not held any more, or have ended, are forgotten", async () => {
  const { client, server, link, ids, state, marked, resumes, comeBack } = await busy(160);
  for (const chat of ids.slice(0, 80)) link().tell({ type: "released", chat, reason: "transferred" });
  for (const chat of ids.slice(80, 159)) link().tell(state(chat, { place: "closed", mine: false }));
  link().tell(state(ids[159], { mine: false, agent: "08" }));       // watched by now
  server.run();
  resumes(() => ({ mine: false }));
  comeBack();
  assert.equal(client.connection, "open");
  assert.deepEqual(marked(), []);
  client.mark(ids[0], { read: 7 }); client.mark(ids[100], { read: 7 }); client.mark(ids[159], { read: 7 });
  server.run();
  assert.deepEqual(marked(), []);
  assert.equal(client.marks.size, 0);
});

test("after coming back marks that the server does not have are said again, at the pace of all that is sent again", async () => {
  const { client, server, clock, ids, marked, resumes, comeBack } = await busy(30);
  resumes((chat) => chat === ids[0] ? { agent_delivered: 1 } : { agent_delivered: 1, agent_read: 1 });
  comeBack();
  assert.deepEqual(marked(), [ids[0]]);     // lost with the connection, perhaps
  // Another server has none; what is said goes before them.
  server.crash();
  resumes(() => ({ epoch: server.epoch }));
  client.say(server.chat, "one");
  clock.advance(31_000); server.run();
  assert.equal(server.lines.length, 1);
  assert.deepEqual(marked(), ids.slice(0, 9));
  for (let count = 10; count <= 30; count++) {
    clock.advance(499); server.run();
    assert.deepEqual(marked(), ids.slice(0, count - 1));
    clock.advance(1); server.run();
    assert.deepEqual(marked(), ids.slice(0, count));
  }
  clock.advance(31_000); server.run();
  assert.deepEqual(marked(), ids);
});

// A mark that was refused once counted as told, and nobody said it again.
test("a mark that was refused for being too fast is said again after the wait, and nothing before", async () => {
  const { client, server, clock, ids, marked } = await busy(2);
  const before = marked().length;
  clock.advance(1000);
  server.refuse = (frame) => frame.type === "mark" && { type: "error", code: "rate_limited", message: "", retry_after_ms: 700 };
  client.mark(ids[0], { read: 2 }); server.run();
  server.refuse = null;
  client.mark(ids[1], { read: 2 }); client.say(server.chat, "one");
  clock.advance(699); server.run();
  assert.equal(marked().length, before + 1);
  assert.equal(server.lines.length, 0);
  clock.advance(5000); server.run();
  assert.equal(server.lines.length, 1);
  assert.deepEqual(marked().slice(before + 1).sort(), ids);
});

test("a ping is answered inside the handler, with no timer", async () => {
  const { server, clock, link } = await opened();
  const timers = clock.timers.length;
  link().tell({ type: "ping", n: 41 }); server.run();
  assert.deepEqual(link().heard.at(-1), { type: "pong", n: 41 });
  assert.equal(clock.timers.length, timers);
});

test("a server that says nothing for long is given up and connected to anew", async () => {
  const { client, server, clock } = await opened();
  clock.advance(90_000 + 500);
  server.run();
  assert.equal(client.connection, "open");
  assert.equal(server.links.size, 1);
});

test("close codes decide whether to come back", async () => {
  for (const [code, back] of [[1000, true], [1001, true], [1006, true], [1011, true], [4000, true], [4002, true], [4499, true], [4500, false], [4504, false], [4999, false]]) {
    assert.equal(mayReconnect(code), back, String(code));
    const { client, server, clock, link } = await opened();
    link().cut(code);
    assert.equal(client.connection, back ? "waiting" : "ended");
    clock.advance(3_600_000); server.run();
    assert.equal(client.connection, back ? "open" : "ended", String(code));
  }
});

test("the wait grows on while sessions end before they have resumed, and begins anew after one that has", async () => {
  const { client, server, clock, link } = await opened();
  const waits = [];
  const comeBack = () => {
    link().cut(4004);
    waits.push(client.timers.reconnect.at - clock.now());
    clock.advance(waits.at(-1));
    server.run();
  };
  server.refuse = ({ type }) => type === "resume" ? { type: "nothing" } : null;
  for (let i = 0; i < 40; i++) comeBack();
  assert.ok(Math.max(...waits) > 10_000);
  server.refuse = null;
  comeBack();
  comeBack();
  assert.ok(waits.at(-1) <= 500);
});

test("the wait before coming back grows, is drawn at random, and has a bound", () => {
  const { client, server, clock } = setUp();
  server.up = false;
  const waits = [];
  client.connect();
  for (let i = 0; i < 200; i++) {
    server.run();
    const [timer] = clock.timers;
    waits.push(timer.at - clock.now());
    clock.advance(waits.at(-1));
  }
  const late = waits.slice(50);
  assert.ok(waits[0] <= 500);
  assert.ok(Math.max(...late) <= 30_000 && Math.max(...late) > 25_000);
  assert.ok(Math.min(...late) < 5_000);
  assert.ok(new Set(late).size > 100);
});

test("a draining server's retry_after is waited for", async () => {
  const { client, server, clock, link } = await opened();
  link().tell({ type: "error", code: "draining", message: "", retry_after_ms: 8000 }); server.run();
  link().cut(4000);
  clock.advance(7999);
  assert.equal(client.connection, "waiting");
  clock.advance(501); server.run();
  assert.equal(client.connection, "open");
});

test("rate_limited keeps the commands and sends them again one by one at its pace; order holds", async () => {
  const { client, server, clock } = await opened();
  server.refuse = (frame) => frame.type === "say" && { type: "error", id: frame.id, code: "rate_limited", message: "", retry_after_ms: 700 };
  client.say(server.chat, "one"); client.say(server.chat, "two");
  server.run();
  server.refuse = null;
  client.say(server.chat, "three"); server.run();
  assert.deepEqual(server.lines.map((l) => l.text), []);
  const heard = ["one", "two", "three"];
  for (let i = 1; i <= heard.length; i++) {
    clock.advance(699); server.run();
    assert.deepEqual(server.lines.map((l) => l.text), heard.slice(0, i - 1));
    clock.advance(1); server.run();
    assert.deepEqual(server.lines.map((l) => l.text), heard.slice(0, i));
  }
  clock.advance(700);
  client.say(server.chat, "four"); client.say(server.chat, "five"); server.run();
  assert.deepEqual(server.lines.map((l) => l.text), [...heard, "four", "five"]);
});

// Goal: a break during an outage of the database strands nothing. Method: a desk that takes as much as deskd's does and ends a
// flood; 120 lines that it has and could not store, 60 that were said while the line was down.
test("after a break only what the server does not know goes again, and no faster than a buyer may send", async () => {
  const { client, server, clock, link } = await opened();
  const known = Array.from({ length: 120 }, (_, i) => `known ${i}`), offline = Array.from({ length: 60 }, (_, i) => `offline ${i}`);
  for (const text of known) client.say(server.chat, text);
  server.run();
  server.accept(); server.run();
  link().cut();
  for (const text of offline) client.say(server.chat, text);
  let tokens = 20, at = clock.now(), refused = 0;
  server.refuse = (frame) => {
    tokens = Math.min(20, tokens + (clock.now() - at) * 2 / 1000);
    at = clock.now();
    if (tokens >= 1) { tokens--; return null; }
    if (++refused > 50) link().cut(4503);
    return { type: "error", id: frame.id, code: "rate_limited", message: "", retry_after_ms: 500 };
  };
  for (let i = 0; i < 80; i++) { clock.advance(500); server.run(); }
  assert.equal(client.connection, "open");
  assert.equal(refused, 0);
  assert.deepEqual(link().heard.filter((f) => f.type === "say").map((f) => f.text), offline);
  server.commit(); server.run();
  assert.deepEqual(server.lines.map((l) => l.text), [...known, ...offline]);
  assert.equal(client.outbox.size, 0);
});

test("after a break a chat's commands wait for its lines, and a line that comes back is not sent again", async () => {
  const { client, server, clock, link } = await opened();
  client.say(server.chat, "one"); client.say(server.chat, "two");
  server.pass(link(), true);          // the first is heard, its answer lost
  link().cut();
  clock.advance(60_000);
  const said = () => link().heard.filter((f) => f.type === "say").map((f) => f.text);
  while (server.pass(link(), false) || server.pass(link(), true)) if (!client.chats.get(server.chat).main.seq) assert.deepEqual(said(), []);
  assert.deepEqual(said(), ["two"]);
});

test("a chat that is not one's own any more is not named again, and what was said to it is asked after", async () => {
  const { client, server, clock, link } = await opened();
  client.say(server.chat, "one"); server.run(); server.accept(); server.run();
  link().cut();
  server.refuse = (frame) => frame.type === "resume" && frame.chats.length ? { type: "released", chat: server.chat }
    : frame.type === "say" && { type: "done", id: frame.id, chat: server.chat, seq: 1 };
  clock.advance(60_000); server.run();
  assert.deepEqual(link().heard.map((f) => f.type), ["sign_in", "resume", "say"]);
  link().cut(); clock.advance(60_000); server.run();
  assert.deepEqual(link().heard[1], { type: "resume", chats: [] });
});

// A pull was once answered by the line `joined`, without the chat, and asked again at every way back.
test("a pull is answered with its chat, once, however the line that came of it is told", async () => {
  const { client, server, clock, link } = await opened({ role: "agent", person: "07" });
  const pulled = "2001", pull = client.pull(), takeOver = client.takeOver({ chat: "2002" });
  link().tell({ ...server.state(), chat: pulled, mine: true, seq: 1, stored: 0 });
  link().tell({ type: "line", chat: pulled, seq: 1, at: "t1", origin: "system", kind: "joined", from: "07", id: pull.id });
  server.refuse = (frame) => frame.type === "pull" ? { type: "done", id: frame.id, chat: pulled, seq: 1 }
    : frame.type === "take_over" && { type: "done", id: frame.id, chat: frame.chat, seq: 9 };
  server.run();
  assert.deepEqual(await pull, { type: "done", id: pull.id, chat: pulled, seq: 1 });
  assert.equal((await takeOver).chat, "2002");
  assert.equal(client.outbox.size, 0);
  link().tell({ type: "stored", chat: pulled, stored: 1, lines: [{ id: pull.id, seq: 1, at: "t1" }] }); server.run();
  assert.equal(client.chats.get(pulled).main.stored, 1);
  link().cut(); clock.advance(60_000); server.run();
  assert.deepEqual(link().heard.map((f) => f.type).filter((type) => type === "pull" || type === "take_over"), []);
});

test("a pull whose answer is lost is asked again, though its line has come", async () => {
  const { client, server, clock, link } = await opened({ role: "agent", person: "07" });
  const pull = client.pull();
  server.refuse = (frame) => frame.type === "pull" && { type: "line", chat: "2001", seq: 1, at: "t1", origin: "system", kind: "joined", id: frame.id };
  server.run();
  server.refuse = (frame) => frame.type === "pull" && { type: "done", id: frame.id, chat: "2001", seq: 1 };
  link().cut(); clock.advance(60_000); server.run();
  assert.equal((await pull).chat, "2001");
  assert.equal(client.outbox.size, 0);
});

test("a message that the server would not read is refused here, and holds up nothing", async () => {
  const { client, server, link } = await opened();
  const errors = [];
  client.on("error", (error) => errors.push(error));
  const length = (frame) => new TextEncoder().encode(JSON.stringify(frame)).length;
  const rest = 65_536 - length({ type: "say", id: "0".repeat(32), chat: server.chat, text: "" });
  const longest = client.say(server.chat, "a".repeat(rest));
  const longer = client.say(server.chat, "a".repeat(rest - 1) + "é");
  await assert.rejects(longer, { code: "too_large" });
  assert.deepEqual(errors.map(({ id, code }) => ({ id, code })), [{ id: longer.id, code: "too_large" }]);
  client.say(server.chat, "next"); server.run();
  assert.ok(client.outbox.has(longest.id) && !client.outbox.has(longer.id));
  assert.deepEqual(link().heard.filter(({ type }) => type === "say").map(({ text }) => text.length), [rest, "next".length]);
});

test("an error that says no rejects the command and forgets it", async () => {
  const { client, server } = await opened();
  server.refuse = (frame) => frame.type === "say" && { type: "error", id: frame.id, code: "chat_closed", message: "over" };
  const answer = client.say(server.chat, "late");
  server.run();
  await assert.rejects(answer, { code: "chat_closed" });
  assert.equal(client.outbox.size, 0);
});

// The words may grow within deskd.v1: what says after how long is no "no".
test("an error of an unknown code that says after how long keeps the command", async () => {
  const { client, server, clock } = await opened();
  server.refuse = (frame) => frame.type === "say" && { type: "error", id: frame.id, code: "lunch", message: "", retry_after_ms: 700 };
  client.say(server.chat, "one"); server.run();
  server.refuse = null;
  clock.advance(700); server.run();
  assert.deepEqual(server.lines.map((l) => l.text), ["one"]);
});

test("same epoch: resumes from the last line before the first gap, and says nothing twice", async () => {
  const { client, server, clock, chat, link } = await opened();
  client.say(server.chat, "one"); server.run(); server.accept(); server.run();
  client.say(server.chat, "two");
  const id = [...client.outbox.keys()].at(-1);
  server.pass(link(), true);          // heard by the server, its answer lost
  link().cut();
  clock.advance(60_000); server.run();
  const [, resume] = link().heard;
  assert.deepEqual(resume, { type: "resume", chats: [{ chat: server.chat, epoch: 1, seq: 1, stored: 0 }] });
  assert.ok(client.outbox.has(id));
  server.commit(); server.run();
  assert.deepEqual(texts(chat()), ["one", "two"]);
  assert.equal(server.lines.length, 2);
  assert.equal(client.outbox.size, 0);
});

// A session whose last resume is still being told is refused another, as one of more chats than fit into one may be.
test("a resume that was refused is said again for the chats that nothing came of", async () => {
  const { client, server, clock, link, chat } = await opened();
  client.say(server.chat, "1"); server.run(); server.commit(); server.run();
  link().cut();
  let refusals = 1;
  server.refuse = (frame) => frame.type === "resume" && refusals-- > 0 ? { type: "error", code: "rate_limited", retry_after_ms: 1000 } : null;
  client.say(server.chat, "2");
  while (!link()) clock.advance(100);
  server.run();
  const resumes = () => link().heard.filter((frame) => frame.type === "resume");
  assert.equal(resumes().length, 1);
  clock.advance(999); server.run();
  assert.equal(resumes().length, 1);
  clock.advance(1); server.run();
  assert.deepEqual(resumes()[1], resumes()[0]);
  assert.deepEqual(texts(chat()), ["1"]);
  server.commit(); server.run();
  assert.deepEqual(texts(chat()), ["1", "2"]);
  clock.advance(10_000); server.run();
  assert.equal(resumes().length, 2);
});

test("another epoch: what lies beyond stored is not recorded, own lines go again and are recorded after all", async () => {
  const { client, server, clock, chat, link } = await opened();
  client.say(server.chat, "safe"); server.run(); server.commit(); server.run();
  client.say(server.chat, "mine"); server.run(); server.accept();
  server.lines.push({ seq: 3, at: "x", id: "f".repeat(32), text: "theirs", origin: "human", author: "07" });
  link().tell(server.frameOf(server.lines[2])); server.run();
  assert.deepEqual(texts(chat()), ["safe", "mine", "theirs"]);
  server.crash();
  clock.advance(60_000); server.run();
  assert.deepEqual(link().heard[1], { type: "resume", chats: [{ chat: server.chat, epoch: 1, seq: 1, stored: 1 }] });
  assert.deepEqual(chat().unrecorded.map((l) => l.text), ["theirs"]);
  assert.equal(client.tick(chat().unrecorded[0]), "unrecorded");
  server.commit(); server.run();
  assert.deepEqual(texts(chat()), ["safe", "mine"]);
  // The other side sends it again under its old id: it is no longer lost.
  server.lines.push({ seq: 3, at: "y", id: "f".repeat(32), text: "theirs", origin: "human", author: "07" });
  link().tell(server.frameOf(server.lines[2])); server.run();
  assert.deepEqual(texts(chat()), ["safe", "mine", "theirs"]);
  assert.deepEqual(chat().unrecorded, []);
});

// Once the words stayed hidden until the page was loaded anew, while everyone else read them. The first answer is lost too.
test("another epoch: what a recall hid that was lost is shown again", async () => {
  const { client, server, clock, chat, link } = await opened();
  for (const text of ["1", "2", "3"]) { client.say(server.chat, text); server.run(); }
  server.commit(); server.run();
  server.lines.push({ seq: 4, at: "x", id: "f".repeat(32), kind: "recalled", reply_to: 2, origin: "human", author: "07" });
  link().tell(server.frameOf(server.lines[3])); server.run();
  assert.ok(chat().main.lines.get(2).hidden);
  server.crash();
  clock.advance(60_000);
  while (link().heard.at(-1)?.type !== "resume") for (const way of [true, false]) server.pass(link(), way);
  link().cut();
  clock.advance(60_000); server.run();
  assert.deepEqual(link().heard[1].chats, [{ chat: server.chat, epoch: 2, seq: 1, stored: 1 }]);
  assert.deepEqual(texts(chat()), ["1", "2", "3"]);
  assert.equal(chat().main.lines.get(2).hidden, undefined);
  assert.equal(client.tick(chat().main.lines.get(2)), "stored");
  link().cut();
  clock.advance(60_000); server.run();
  assert.equal(link().heard[1].chats[0].seq, 3);
});

// Restoring a dump takes back what was told to be stored. Once the client kept it with two ticks, above lines of its number.
test("a server that was restored knows less: what is above that is not recorded any more", async () => {
  const { client, server, clock, chat, link } = await opened();
  for (const text of ["1", "2", "3"]) { client.say(server.chat, text); server.run(); }
  server.commit(); server.run();
  server.stored = 1;
  server.crash();
  clock.advance(60_000); server.run();
  assert.equal(link().heard[1].chats[0].stored, 3);
  assert.deepEqual(texts(chat()), ["1"]);
  assert.deepEqual(chat().unrecorded.map((l) => l.text), ["2", "3"]);
  client.say(server.chat, "4"); server.run(); server.commit(); server.run();
  assert.deepEqual(texts(chat()), ["1", "4"]);
});

// The words may grow within deskd.v1: a line that is passed over would leave a gap, and no resume would ever end.
test("a line of an unknown kind takes its place, and a stream that is not known leaves the others alone", async () => {
  const { client, server, clock, chat, link } = await opened();
  link().tell({ type: "line", chat: server.chat, seq: 1, at: "t1", origin: "robot", kind: "weather", text: "rain" }); server.run();
  assert.equal(chat().main.seq, 1);
  assert.deepEqual(texts(chat()), ["rain"]);
  const heard = [];
  client.on("*", (type) => heard.push(type));
  link().tell({ type: "line", chat: server.chat, stream: "beside", seq: 2, at: "t2", origin: "human", kind: "words", text: "aside" });
  link().tell({ type: "stored", chat: server.chat, stream: "beside", stored: 9, lines: [] });
  server.run();
  assert.deepEqual([texts(chat()), chat().inside.inOrder(), chat().main.stored, heard], [["rain"], [], 0, []]);
  server.lines.push({ seq: 1, at: "t1", id: "f".repeat(32), text: "rain", kind: "weather", origin: "robot", author: "07" });
  link().cut(); clock.advance(60_000); server.run();
  assert.equal(client.resuming.size, 0);
});

// A restart numbers anew what it lost. Once only the chats that a resume named were cut back, and what had come of another was
// mixed with what came of it now, and stood there as recorded.
test("a chat that was released and is one's own again over a restart comes whole over what is certain of it", async () => {
  const { client, server, clock, chat, link } = await opened({ role: "agent", person: "07" });
  const line = (seq, text, more = {}) => ({ type: "line", chat: server.chat, seq, at: `t${seq}`, origin: "buyer", kind: "words", text, stored: 1, ...more });
  for (const frame of [line(1, "safe"), line(2, "lost", { reply_to: 1 }), line(3, "lost too")]) link().tell(frame);
  link().tell({ type: "released", chat: server.chat }); server.run();
  server.crash();
  clock.advance(60_000); server.run();
  assert.deepEqual(link().heard[1], { type: "resume", chats: [] });
  link().tell({ ...server.state(), mine: true, seq: 2, stored: 2 });
  link().tell(line(1, "safe")); link().tell(line(2, "said since", { at: "u2", stored: 2 })); server.run();
  assert.deepEqual(texts(chat()), ["safe", "said since"]);
  assert.equal(chat().lines()[1].reply_to, undefined);
  assert.deepEqual(chat().unrecorded.map((l) => l.text), ["lost", "lost too"]);
  assert.equal(chat().main.seq, 2);
});

test("what the server says of a line replaces what was held, and the author's own preview says no more than it", async () => {
  const { client, server, chat, link } = await opened({ role: "agent", person: "07" });
  const line = { type: "line", chat: server.chat, seq: 1, at: "t1", origin: "human", kind: "order", from: "07" };
  client.proposeOrder({ chat: server.chat, order: { order_no: "1" } });
  const [id] = client.outbox.keys();
  link().tell({ ...line, id, order: { order_no: "1", version: 2 } });
  link().tell({ type: "stored", chat: server.chat, stored: 1, lines: [{ id, seq: 1, at: "t1" }] });
  server.run();
  const [held] = chat().lines();
  assert.deepEqual([held.order.version, held.from, held.mine], [2, "07", true]);
  link().tell({ ...line, id, order: undefined }); server.run();
  assert.deepEqual([chat().lines()[0].order, chat().lines()[0].mine], [undefined, true]);
});

test("what closes or moves a chat is a line of its author too: it leaves no gap", async () => {
  const { client, server, chat, link } = await opened();
  client.say(server.chat, "bye"); server.run(); server.commit(); server.run();
  const answer = client.closeChat(server.chat);
  server.refuse = (frame) => frame.type === "close" && { type: "stored", chat: server.chat, stored: 2, lines: [{ id: frame.id, seq: 2, at: "t2" }] };
  server.run();
  link().tell({ ...server.state(), place: "closed", seq: 2, stored: 2 }); server.run();
  assert.equal(chat().main.seq, 2);
  assert.equal(chat().lines()[1].kind, "closed");
  assert.ok(await answer);
});

test("a recalled line loses its words", async () => {
  const { server, chat, link, client } = await opened();
  client.say(server.chat, "oops"); server.run(); server.commit(); server.run();
  link().tell({ type: "line", chat: server.chat, stream: "main", seq: 2, kind: "recalled", origin: "buyer", reply_to: 1, stored: 2 }); server.run();
  assert.deepEqual(chat().lines()[0].text, "");
  assert.equal(chat().lines()[0].hidden, true);
});

// Once its words stayed on every screen but the author's, and it had two ticks when the watermark passed it.
test("a line that the database refused loses its words and is never shown as stored", async () => {
  const { client, server, chat, link } = await opened();
  const refused = (seq, id, origin) => ({ type: "line", chat: server.chat, seq, at: `t${seq}`, origin, kind: "refused", id, stored: seq - 1 });
  const first = client.say(server.chat, "mine"), heard = client.say(server.chat, "never told"), theirs = "f".repeat(32);
  server.run(); server.accept();
  server.lines.push({ seq: 3, at: "t3", id: theirs, text: "theirs", origin: "human", author: "07" });
  link().tell(server.frameOf(server.lines[2])); server.run();
  assert.equal((await first).seq, 1);
  link().tell({ type: "error", id: first.id, code: "refused", message: "" });
  for (const line of [refused(1, first.id, "buyer"), refused(3, theirs, "human")]) link().tell(line);
  server.run();
  link().tell({ type: "stored", chat: server.chat, stored: 3, lines: [] }); server.run();
  assert.deepEqual(texts(chat()), [undefined, "never told", undefined]);
  assert.deepEqual(chat().lines().map((line) => client.tick(line)), ["refused", "stored", "refused"]);
  assert.equal(client.outbox.size, 0);
  await heard;
});

test("a line that comes back from a resume as refused rejects its command", async () => {
  const { client, server, chat, link } = await opened();
  const answer = client.say(server.chat, "mine");
  link().tell({ type: "line", chat: server.chat, seq: 1, at: "t1", origin: "buyer", kind: "refused", id: answer.id, hidden: true, stored: 1 });
  server.run();
  await assert.rejects(answer, { code: "refused" });
  assert.equal(client.outbox.size, 0);
  assert.deepEqual(client.pending(server.chat), []);
  assert.deepEqual(chat().lines().map((line) => [client.tick(line), line.text, line.mine]), [["refused", undefined, true]]);
});

test("a line that was taken back before it was stored gets no words from its author's outbox", async () => {
  const { client, server, chat, link } = await opened();
  const { id } = client.say(server.chat, "oops"); server.run();
  link().tell({ type: "line", chat: server.chat, seq: 1, at: "t1", origin: "buyer", kind: "words", id, hidden: true });
  link().tell({ type: "stored", chat: server.chat, stored: 1, lines: [{ id, seq: 1, at: "t1" }] }); server.run();
  assert.deepEqual(chat().lines().map((line) => [line.text, line.hidden]), [[undefined, true]]);
});

test("refresh goes out on the live session and holds for later ones", async () => {
  const { client, server, clock, link } = await opened();
  client.refresh("newer"); server.run();
  assert.deepEqual(link().heard.at(-1), { type: "refresh", token: "newer" });
  link().cut(); clock.advance(60_000); server.run();
  assert.equal(link().heard[0].token, "newer");
});

// It has no id to be refused by. Once it was taken for a mark, and the session ran out with its token.
test("a refresh that was too fast is said again after the wait", async () => {
  const { client, server, clock, link } = await opened();
  let refusals = 1;
  server.refuse = (frame) => frame.type === "refresh" && refusals-- > 0 ? { type: "error", code: "rate_limited", retry_after_ms: 500 } : null;
  client.refresh("newer"); server.run();
  clock.advance(500); server.run();
  assert.deepEqual(link().heard.filter((frame) => frame.type === "refresh"), [{ type: "refresh", token: "newer" }, { type: "refresh", token: "newer" }]);
});

test("a refused token leaves the one before in force, on the live session and for coming back", async () => {
  const { client, server, clock, link } = await opened();
  client.refresh("bad"); server.run();
  link().tell({ type: "error", code: "bad_token", message: "" }); server.run();
  link().cut(); clock.advance(60_000); server.run();
  assert.equal(link().heard[0].token, "t");
  // Its answer was lost: it may be the only good one by now, and if it is not, the one before is shown again.
  const shown = [];
  server.refuse = (frame) => {
    if (frame.type !== "sign_in") return null;
    shown.push(frame.token);
    if (shown.length !== 2) link().cut(4500);
    return null;
  };
  client.refresh("unheard"); server.run();
  link().cut();
  for (let i = 0; i < 3; i++) { clock.advance(60_000); server.run(); }
  assert.deepEqual(shown, ["unheard", "t"]);
  assert.equal(client.connection, "open");
  link().cut(4500);
  assert.equal(client.connection, "ended");
});

// Goal: whatever is cut, lost or forgotten, both clients end with the transcript that the server stored: every line that was
// said, once, in its author's order. Method: random steps over two clients; then all faults end and everything must settle.
test("property: no line is lost or doubled over random cuts and crashes", () => {
  const met = { cut: 0, crash: 0, accepted: 0, unrecorded: 0 };
  for (let seed = 1; seed <= 400; seed++) {
    const server = new FakeServer(), clock = new Clock(), said = { buyer: [], "07": [] };
    const people = [["buyer", "buyer"], ["07", "agent"]].map(([person, role], i) => ({ person, ...setUp({ person, role, seed: seed * 2 + i }, server, clock) }));
    const { below } = people[0];
    for (const { client } of people) { client.connect(); client.open(); }
    server.run();
    for (let step = 0; step < 150; step++) {
      const { client, person } = people[below(2)], links = [...server.links], link = links[below(links.length)];
      const dice = below(100);
      if (dice < 25) { const text = `${person} ${said[person].length}`; said[person].push(text); client.say(server.chat, text); }
      else if (dice < 75) { if (link) server.pass(link, below(2) === 0); }
      else if (dice < 82) server.commit(below(4));
      else if (dice < 86) { met.accepted++; server.accept(); }
      else if (dice < 92) { if (link) { met.cut++; link.cut(); } }
      else if (dice < 94) { met.crash++; server.crash(); }
      else clock.advance(below(3000));
      met.unrecorded += people.some((p) => p.client.chats.get(server.chat)?.unrecorded.length) ? 1 : 0;
    }
    for (let round = 0; round < 6; round++) { clock.advance(31_000); server.run(); server.commit(); server.run(); }
    const stored = server.lines.map((l) => l.text);
    for (const { client, person } of people) {
      const why = `seed ${seed}, ${person}`;
      assert.deepEqual(stored.filter((text) => text.startsWith(person)), said[person], why);
      assert.deepEqual(texts(client.chats.get(server.chat)), stored, why);
      assert.deepEqual(client.chats.get(server.chat).unrecorded, [], why);
      assert.equal(client.outbox.size, 0, why);
    }
  }
  for (const [mark, count] of Object.entries(met)) assert.ok(count > 0, `${mark} was never met`);
});

// The golden frames are what the C++ codec reads and writes: each that the server says must be understood here, each that a
// client says must be one of ours.
const frames = new URL("../frames/", import.meta.url);
if (existsSync(frames))
  test("golden frames: what the server says is heard, what a client says has a method", () => {
    const unnumbered = ["sign_in", "refresh", "pong", "resume", "typing", "mark"];
    let tells = 0, asks = 0;
    for (const name of readdirSync(frames, { recursive: true }).filter((n) => n.endsWith(".json"))) {
      const frame = JSON.parse(readFileSync(new URL(name, frames), "utf8"));
      if (name.includes("tell")) {
        const { client, server } = setUp();
        client.connect(); server.run();
        const heard = [];
        client.on("*", (type) => heard.push(type));
        client.hear(JSON.stringify(frame));
        if (frame.type !== "ping") assert.ok(heard.includes(frame.type), name);
        tells++;
      } else {
        assert.ok(COMMAND_TYPES.includes(frame.type) || unnumbered.includes(frame.type), name);
        asks++;
      }
    }
    assert.ok(tells > 15 && asks > 20, `${tells} told, ${asks} asked`);
  });

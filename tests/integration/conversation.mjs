// conversation.mjs - The same conversation as conversation.py, over npm's ws: written from SPEC.md, shares nothing with the
// JS client. conversation.mjs URL TOKENS ORDER prints {chat, words}.
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const { WebSocket } = createRequire(`${process.env.NODE_PATH}/`)("ws");
const [url, tokens, order] = [process.argv[2], JSON.parse(process.argv[3]), JSON.parse(process.argv[4])];
const words = [];

class Person {
  heard = [];
  waiting = [];
  constructor(path, token) { Object.assign(this, { path, token }); }

  async signIn() {
    this.socket = new WebSocket(url + this.path, "deskd.v1", { perMessageDeflate: false });
    this.socket.on("message", (data) => {
      const frame = JSON.parse(data);
      if (frame.type === "ping") return this.send({ type: "pong", n: frame.n });
      this.heard.push(frame);
      this.waiting.splice(0).forEach((look) => look());
    });
    await new Promise((open, fail) => { this.socket.on("open", open); this.socket.on("error", fail); });
    this.send({ type: "sign_in", token: this.token });
    await this.expect((f) => f.type === "signed_in");
    return this;
  }
  send(frame) { this.socket.send(JSON.stringify(frame)); }

  // The first frame not yet asked for that fits; it is taken out.
  async expect(fits, what = fits.toString()) {
    const end = Date.now() + 15_000;
    for (;;) {
      const at = this.heard.findIndex(fits);
      if (at >= 0) return this.heard.splice(at, 1)[0];
      if (Date.now() > end) throw new Error(`nothing fits ${what}; heard ${JSON.stringify(this.heard.slice(-5))}`);
      await Promise.race([new Promise((look) => this.waiting.push(look)), new Promise((late) => setTimeout(late, 500).unref())]);
    }
  }

  async command(type, fields) {
    const id = randomBytes(16).toString("hex");
    this.send({ type, id, ...fields });
    const answer = await this.expect((f) => f.id === id && ["done", "accepted", "error"].includes(f.type) || f.type === "stored" && f.lines?.some((l) => l.id === id), type);
    if (answer.type === "error") throw new Error(`${type}: ${answer.code} ${answer.message ?? ""}`);
    return answer;
  }
  async say(chat, text, origin) { words.push([origin, text]); return this.command("say", { chat, text }); }
  hears(text) { return this.expect((f) => f.type === "line" && f.text === text, text); }
  line(kind) { return this.expect((f) => f.type === "line" && f.kind === kind, kind); }
  state(place) { return this.expect((f) => f.type === "chat_state" && f.place === place, place); }
}

// Agent 07 takes one chat at a time, so the buyer who comes second stands in line.
const agent = await new Person("/v1/desks/lamp/agent", tokens["07"]).signIn();
await agent.command("set_status", { status: "available" });
const first = await new Person("/v1/shops/lamps/buyer", tokens.first).signIn();
const { chat: before } = await first.command("open", { queue: "sales" });
await first.command("say", { chat: before, text: "我先来的" });
await agent.expect((f) => f.type === "chat_state" && f.chat === before && f.place === "held");

const buyer = await new Person("/v1/shops/lamps/buyer", tokens.buyer).signIn();
const { chat } = await buyer.command("open", { queue: "sales" });
await buyer.say(chat, "你好，落地灯 💡 还有吗？", "buyer");
await buyer.expect((f) => f.type === "in_line");
await agent.command("close", { chat: before });
await agent.expect((f) => f.type === "chat_state" && f.chat === chat && f.place === "held");
await agent.hears("你好，落地灯 💡 还有吗？");
await agent.say(chat, "有的 😊，灯泡也送", "human");
const answer = await buyer.hears("有的 😊，灯泡也送");
buyer.send({ type: "mark", chat, delivered: answer.seq, read: answer.seq });
await agent.expect((f) => f.type === "marks" && f.buyer && f.read === answer.seq);

const { lines: [wrong] = [{}], seq } = await buyer.say(chat, "错的一句", "buyer");
await agent.hears("错的一句");
await buyer.command("recall", { chat, seq: wrong.seq ?? seq });
await agent.line("recalled");

const told = () => new Date().toISOString();
await agent.command("propose_order", { chat, order: { ...order, terms_told: told() } });
let put = await buyer.line("order");
await buyer.command("answer_order", { chat, answer: { order: put.seq, version: 1, corrections: [{ field: "items[0].quantity", value: "2" }] } });
await agent.line("order_answer");
await agent.command("propose_order", { chat, order: { ...order, version: 2, terms_told: told(), items: [{ ...order.items[0], quantity: 2 }] } });
put = await buyer.line("order");
await buyer.command("answer_order", { chat, answer: { order: put.seq, version: 2, confirmed: true } });
await agent.line("order_answer");

const care = await new Person("/v1/desks/lamp/agent", tokens["08"]).signIn();
await care.command("set_status", { status: "available" });
await agent.command("transfer", { chat, queue: "care" });
await care.state("held");
await care.say(chat, "我是小八 🎧", "human");
await buyer.hears("我是小八 🎧");
await buyer.say(chat, "谢谢 🙏，没事了", "buyer");
await care.hears("谢谢 🙏，没事了");
await care.command("close", { chat });
await buyer.state("closed");
const rated = await buyer.command("rate", { chat, rating: { score: 5, text: "👍" } });
if (rated.type !== "stored") await buyer.expect((f) => f.type === "stored" && f.stored >= (rated.seq ?? 1), "the rating stored");
console.log(JSON.stringify({ chat, words }));
process.exit(0);

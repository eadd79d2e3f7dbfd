"""conversation.py - A whole conversation on real input, driven only by what SPEC.md says: once over Debian's
python3-websockets, once over npm's ws (conversation.mjs). The transcript read back from PostgreSQL equals what was said.
"""
import json
import os
import subprocess
import unittest
from pathlib import Path

from desk import ROOT, Desk, in_a_loop, now_utc

ORDER = {"order_no": "20261121-0007", "items": [{"article": "落地灯 L2", "spec": "E27 暖光", "colour": "米白", "quantity": 1}],
         "address": "浙江省杭州市西湖区示例路 1 号", "recipient": "张三", "phone": "13800000001", "requests": "请放驿站 🙏",
         "return_terms": "七天无理由退货；灯泡拆封后不退。", "version": 1}


class Conversation(unittest.TestCase):
    def setUp(self):
        self.desk = Desk()
        self.addCleanup(self.desk.leave)
        self.desk.policy["agents"][0]["capacity"] = 1     # one chat at a time, so that the next buyer stands in line
        self.desk.set_up().start()

    @in_a_loop
    async def test_over_websockets(self):
        desk = self.desk
        agent = await (await desk.agent("07").sign_in()).available()
        first = await desk.buyer("came-first").sign_in()
        before = await first.open(queue="sales")
        await first.say(before, "我先来的")
        await agent.place(before, "held")

        buyer = await desk.buyer("buyer-1001").sign_in()
        chat = await buyer.open(queue="sales")
        await buyer.say(chat, "在吗？想问一下那盏暖光落地灯💡")
        line = await buyer.expect("in_line", chat=chat)         # she has no place free: a place in line
        self.assertEqual(line["ahead"], 0)
        await agent.command("close", chat=before)
        state = await agent.place(chat, "held")
        self.assertTrue(state["mine"])
        await agent.words(chat, "在吗？想问一下那盏暖光落地灯💡")
        await buyer.place(chat, "held")
        self.assertEqual(buyer.chats[chat].state["agent_title"], "小七")

        await agent.send({"type": "typing", "chat": chat, "on": True})
        self.assertTrue((await buyer.expect("typing", chat=chat)).get("on"))
        await agent.say(chat, "在的亲，有现货 😊")
        answer = await buyer.words(chat, "在的亲，有现货 😊")
        await buyer.send({"type": "mark", "chat": chat, "delivered": answer["seq"], "read": answer["seq"]})
        await agent.expect("marks", chat=chat, buyer=True, where=lambda m: m.get("read") == answer["seq"])

        await buyer.say(chat, "我的电话是 139……哎呀发错了")
        wrong = await agent.words(chat, "我的电话是 139……哎呀发错了")
        await buyer.all_stored()
        await buyer.command("recall", chat=chat, seq=wrong["seq"])
        await agent.until("not recalled", lambda: agent.chats[chat].lines[wrong["seq"]].get("hidden"))

        await agent.command("propose_order", chat=chat, order={**ORDER, "terms_told": now_utc()})
        put = await buyer.expect("line", chat=chat, kind="order")
        self.assertEqual(put["order"]["items"][0]["article"], "落地灯 L2")
        await buyer.command("answer_order", chat=chat, answer={"order": put["seq"], "version": 1, "corrections": [{"field": "items[0].quantity", "value": "2"}]})
        asked = await agent.expect("line", chat=chat, kind="order_answer")
        self.assertEqual(asked["order_answer"]["corrections"], [{"field": "items[0].quantity", "value": "2"}])
        better = {**ORDER, "version": 2, "terms_told": now_utc(), "items": [{**ORDER["items"][0], "quantity": 2}]}
        await agent.command("propose_order", chat=chat, order=better)
        put = await buyer.expect("line", chat=chat, kind="order")
        await buyer.command("answer_order", chat=chat, answer={"order": put["seq"], "version": 2, "confirmed": True})
        await agent.expect("line", chat=chat, kind="order_answer", where=lambda l: l["order_answer"].get("confirmed"))

        care = await (await desk.agent("08").sign_in()).available()
        await agent.command("transfer", chat=chat, queue="care")
        await care.place(chat, "held")
        await agent.expect("released", chat=chat)
        await care.words(chat, "在的亲，有现货 😊")
        await care.say(chat, "我是售后小八 🎧，还有什么可以帮您？")
        await buyer.words(chat, "我是售后小八 🎧，还有什么可以帮您？")
        await buyer.say(chat, "没有了，谢谢 🙏")
        await care.words(chat, "没有了，谢谢 🙏")
        await care.command("close", chat=chat)
        await buyer.place(chat, "closed")
        await buyer.command("rate", chat=chat, rating={"score": 5, "text": "很耐心 👍"})
        await buyer.until("rating not stored", lambda: buyer.chats[chat].stored >= max(buyer.chats[chat].lines) and buyer.chats[chat].seq)

        self.assertEqual(desk.words(chat), [
            ("buyer", "在吗？想问一下那盏暖光落地灯💡"), ("human", "在的亲，有现货 😊"), ("buyer", "我的电话是 139……哎呀发错了"),
            ("human", "我是售后小八 🎧，还有什么可以帮您？"), ("buyer", "没有了，谢谢 🙏")])
        self.check_story(chat)

    def test_over_npm_ws(self):
        """The same in Node, over the package `ws`."""
        modules = ROOT / "build" / "node"
        modules.mkdir(parents=True, exist_ok=True)
        if not (modules / "node_modules" / "ws").is_dir():
            subprocess.run(["npm", "install", "--silent", "--no-save", "--no-package-lock", "--prefix", str(modules), "ws@8"], check=True, timeout=300)
        desk = self.desk
        tokens = {"first": desk.buyer_token("came-first"), "buyer": desk.buyer_token("buyer-1001"), "07": desk.staff_token("07"), "08": desk.staff_token("08")}
        done = subprocess.run(["node", str(Path(__file__).with_name("conversation.mjs")), f"ws://127.0.0.1:{desk.port}", json.dumps(tokens), json.dumps(ORDER)],
                              capture_output=True, text=True, timeout=120, env={**os.environ, "NODE_PATH": str(modules / "node_modules")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(desk.words(told["chat"]), [tuple(line) for line in told["words"]])
        self.check_story(told["chat"])

    def check_story(self, chat):
        """What both conversations must leave behind, beside the words."""
        rows = self.desk.transcript(chat)
        kinds = [row["kind"] for row in rows if row["kind"] != "words"]
        self.assertEqual(kinds, ["joined", "recalled", "order", "order_answer", "order", "order_answer", "transferred", "joined", "closed", "rating"])
        deeds = self.desk.postgres.rows("select seq, body from deed where chat = %s order by seq", int(chat))
        self.assertEqual([seq for seq, _ in deeds], [row["seq"] for row in rows if row["kind"] in ("order", "order_answer", "rating")])
        bodies = [body for _, body in deeds]
        self.assertEqual(bodies[0]["items"][0]["quantity"], 1)
        self.assertEqual(bodies[1]["corrections"], [{"field": "items[0].quantity", "value": "2"}])
        self.assertEqual(bodies[2]["items"][0]["quantity"], 2)
        self.assertTrue(bodies[3]["confirmed"])
        self.assertEqual(bodies[4]["score"], 5)
        self.assertEqual(bodies[0]["phone"], "13800000001")
        facts = str(self.desk.postgres.rows("select * from fact"))
        for personal in ("13800000001", "示例路", "张三"): self.assertNotIn(personal, facts)
        self.desk.check_rows(self)


if __name__ == "__main__":
    unittest.main()

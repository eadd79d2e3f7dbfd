"""rights.py - Who may do what to whose chat: every command from every role against a chat that is not theirs.

Goal: nobody reads, writes, moves or learns of another's chat. Method: buyer b1 talks with agent 07; five outsiders try every
command on that chat; each answer must be the one in the table, and afterwards the chat is as it was.
"""
import asyncio
import json
import signal
import unittest
import urllib.error

from desk import Desk, in_a_loop, now_utc

ORDER = {"order_no": "1", "items": [{"article": "灯", "quantity": 1}], "address": "a", "recipient": "b", "phone": "13800000000",
         "return_terms": "七天", "version": 1}
COMMANDS = {
    "say": {"text": "偷看"}, "recall": {"seq": 1}, "choose": {"choice": "wait"}, "answer_order": {"answer": {"order": 1, "version": 1, "confirmed": True}},
    "rate": {"rating": {"score": 1}}, "close": {}, "accept": {}, "decline": {}, "pull": {}, "no_answer_needed": {"seq": 1}, "propose_order": {"order": ORDER},
    "transfer": {"agent": "08"}, "wrap_up_done": {}, "read_history": {}, "watch": {"on": True}, "take_over": {}, "reassign": {"agent": "08"}, "explain": {},
}
WITHOUT_CHAT = {"set_status": {"status": "available"}, "set_agent": {"agent": "07", "capacity": 1}, "set_surge": {"on": True}, "figures": {"on": True}}

REVOKED = 4501

# What an outsider may be told. To buyers a chat that is not theirs does not exist, and words to one that is not there are
# answered as words to one that has ended; staff know of it and may not.
BUYER_MAY_HEAR = {"unknown_chat", "not_allowed", "chat_closed"}
STAFF_MAY_HEAR = {"not_allowed", "not_offered", "wrong_place", "unknown_chat", "nothing_waiting", "no_place", "chat_closed"}
# Done, and without effect on that chat: a buyer's history is their own, whatever chat is named; nobody wraps up there.
HARMLESS = {("buyer", "read_history"), ("guest", "read_history"), ("agent", "wrap_up_done")}


REVOKED = 4501


class Rights(unittest.TestCase):
    def setUp(self):
        self.desk = Desk()
        self.desk.policy["agents"].append({"name": "wall", "title": "", "role": "ops", "queues": [], "capacity": 1})
        self.desk.policy["agents"].append({"name": "09", "title": "小九", "queues": ["sales"], "capacity": 5})
        self.addCleanup(self.desk.leave)
        self.desk.set_up().start()

    @in_a_loop
    async def test_nobody_touches_another_s_chat(self):
        desk = self.desk
        buyer = await desk.buyer("b1").sign_in()
        agent = await (await desk.agent("07").sign_in()).available()
        chat = await buyer.open()
        await buyer.say(chat, "我的秘密是 42")
        await agent.place(chat, "held")
        await agent.say(chat, "不告诉别人")
        await buyer.words(chat, "不告诉别人")
        await buyer.all_stored()
        await agent.all_stored()
        before = desk.transcript(chat)

        outsiders = {"buyer": await desk.buyer("b2").sign_in(), "guest": await desk.guest().sign_in(),
                     "agent": await desk.agent("08").sign_in(), "ops": await desk.agent("wall", "ops").sign_in()}
        wrong = []
        for role, person in outsiders.items():
            everything = []
            take = person._take
            person._take = lambda frame, everything=everything, take=take: (everything.append(str(frame)), take(frame))
            allowed = BUYER_MAY_HEAR if role in ("buyer", "guest") else STAFF_MAY_HEAR
            for command, fields in COMMANDS.items():
                filled = {**fields, "chat": chat}
                if command == "propose_order": filled["order"] = {**ORDER, "terms_told": now_utc()}
                code = await person.refused(command, **filled)
                if code not in allowed and (code or (role, command) not in HARMLESS): wrong.append(f"{role} {command}: {code or 'DONE'}")
            for command, fields in WITHOUT_CHAT.items():
                mine = role == "agent" and command == "set_status" or role == "ops" and command == "figures"
                code = await person.refused(command, **fields)
                if (code != "") != (not mine) or code not in {"", "not_allowed"}: wrong.append(f"{role} {command}: {code or 'DONE'}")
            for state in ({"type": "typing", "chat": chat, "on": True}, {"type": "mark", "chat": chat, "delivered": 99, "read": 99},
                          {"type": "resume", "chats": [{"chat": chat, "epoch": person.me["epoch"], "seq": 0, "stored": 0}]}): await person.send(state)
            await person.refused("say", chat=chat, text="最后")     # its answer says that all before it was heard
            heard = "".join(everything)
            if "42" in heard.replace(chat, "") and "我的秘密" in heard or "不告诉别人" in heard: wrong.append(f"{role} heard the words")
        self.assertEqual(wrong, [])
        self.assertEqual(desk.transcript(chat), before)
        self.assertEqual(buyer.chats[chat].state["place"], "held")
        self.assertFalse([f for f in buyer.heard if f["type"] in ("typing", "marks") and f.get("read") == 99])

    @in_a_loop
    async def test_a_supervisor_may(self):
        desk = self.desk
        buyer = await desk.buyer("b1").sign_in()
        agent = await (await desk.agent("07").sign_in()).available()
        chat = await buyer.open()
        await buyer.say(chat, "请找店长")
        await agent.place(chat, "held")
        boss = await (await desk.agent("boss", "supervisor").sign_in()).available()
        await boss.command("watch", chat=chat, on=True)
        await boss.words(chat, "请找店长")
        await boss.command("say", chat=chat, text="我来", inside=True)
        await agent.expect("line", chat=chat, stream="inside")
        for one in (boss, agent):
            explained = await one.command("explain", chat=chat, all=True)
            self.assertTrue(explained["text"])
            self.assertNotIn("candidates", explained)
        await boss.command("take_over", chat=chat)
        await agent.expect("released", chat=chat)
        await boss.say(chat, "我是店长 🙋")
        await buyer.words(chat, "我是店长 🙋")
        await boss.command("set_agent", agent="07", capacity=2)
        await agent.expect("agent_state", capacity=2)
        await boss.command("reassign", chat=chat, agent="07")
        await agent.place(chat, "held")
        await agent.until("not mine", lambda: agent.chats[chat].state.get("mine"))
        for command in ("set_surge", "figures"): await boss.command(command, on=True)
        await boss.expect("figures")

    @in_a_loop
    async def test_every_candidate_is_told_while_a_chat_waits_and_afterwards(self):
        desk = self.desk
        boss = await desk.agent("boss", "supervisor").sign_in()
        agent = await (await desk.agent("07").sign_in()).available()
        await boss.command("set_agent", agent="07", capacity=0)
        buyer = await desk.buyer("b1").sign_in()
        chat = await buyer.open()
        await buyer.say(chat, "在吗")
        await buyer.place(chat, "waiting")
        told = (await boss.command("explain", chat=chat, all=True))["candidates"]
        expected = [("08", "not_in_queue"), ("boss", "not_in_queue"), ("09", "not_available"), ("07", "full")]
        self.assertEqual([(one["agent"], one["fell_out"]) for one in told], expected)
        self.assertEqual(await agent.refused("explain", chat=chat, all=True), "unknown_chat")
        rows = lambda lines: [tuple(line.split()[:2]) for line in lines]
        self.assertEqual(rows(desk.run("explain", chat, "--all", *desk.settings()).stdout.splitlines()[-len(expected):]), expected)
        await boss.command("set_agent", agent="07", capacity=1)
        await agent.place(chat, "held")
        self.assertIn("nobody is being chosen", desk.run("explain", chat, "--all", *desk.settings()).stdout)
        # What a server that runs has recorded so far is a recording too.
        recording, = desk.recordings.iterdir()
        first, _, *table, _ = desk.run("replay", recording, "--explain", chat).stdout.splitlines()
        self.assertRegex(first, "Z assigned to 07 by load$")
        self.assertEqual(rows(table), [("07", "eligible"), *expected[:-1]])
        self.assertEqual(table[0].split()[2:4], ["0/1", "0/10"])

    @in_a_loop
    async def test_who_is_revoked_is_gone_and_stays_out(self):
        desk = self.desk
        buyer = await desk.buyer("b1").sign_in()
        agent = await (await desk.agent("07").sign_in()).available()
        chat = await buyer.open()
        await buyer.say(chat, "还有人吗")
        await agent.place(chat, "held")
        other = await (await desk.agent("09").sign_in()).available()
        self.assertEqual(await asyncio.to_thread(desk.revoke, role="agent", person="07"), 1)
        await agent.until("not closed", lambda: agent.close_code)
        self.assertEqual(agent.close_code, REVOKED)
        await other.place(chat, "held")
        self.assertEqual(await asyncio.to_thread(desk.revoke, role="buyer", shop="lamps", person="b1"), 1)
        await buyer.until("not closed", lambda: buyer.close_code)
        self.assertEqual(buyer.close_code, REVOKED)
        # Their tokens are as good as before; whoever bears another's name is not meant.
        for gone in (desk.agent("07"), desk.buyer("b1")):
            await gone.connect()
            await gone.send({"type": "sign_in", "token": gone.token})
            await gone.until("let in again", lambda: gone.close_code)
            self.assertEqual(gone.close_code, REVOKED)
        await desk.buyer("b2").sign_in()
        # It was a mistake.
        self.assertEqual(await asyncio.to_thread(desk.revoke, role="agent", person="07", lift=True), 0)
        await desk.agent("07").sign_in()


class Revoked(unittest.TestCase):
    @in_a_loop
    async def test_the_revoked_stay_out_over_a_restart(self):
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        revoked = {"07": desk.agent("07"), "b1": desk.buyer("b1")}
        for person in revoked.values(): await person.sign_in()
        for who in ({"role": "agent", "person": "07"}, {"role": "buyer", "shop": "lamps", "person": "b1"}):
            self.assertEqual(await asyncio.to_thread(desk.admin, "POST", "/admin/v1/desks/lamp/revoke", who), {"sessions": 1})
        self.assertIn('"event":"admin_called","path":"/admin/v1/desks/lamp/revoke","status":200', desk.tail(100))
        for who in ({"role": "agent", "person": "08"}, {"role": "agent", "person": "08", "lift": True}):
            await asyncio.to_thread(desk.admin, "POST", "/admin/v1/desks/lamp/revoke", who)
        await asyncio.to_thread(desk.kill)
        await asyncio.to_thread(desk.start)
        for name, person in revoked.items():
            with self.subTest(name):
                await person.drop()
                await person.connect()
                await person.send({"type": "sign_in", "token": person.token})
                await person.until("not sent away", lambda: person.close_code)
                self.assertEqual(person.close_code, REVOKED)
        await desk.agent("08").sign_in()

    @in_a_loop
    async def test_what_is_not_stored_is_not_said_to_be(self):
        """The database hung, the answer was that they are revoked, the server died, and they came in again."""
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        agent = await desk.agent("07").sign_in()
        await asyncio.to_thread(desk.postgres.signal_all, signal.SIGSTOP)
        with self.assertRaises(urllib.error.HTTPError) as refused: await asyncio.to_thread(desk.revoke, role="agent", person="07")
        self.assertEqual((refused.exception.code, json.load(refused.exception)["error"]), (503, "storage_behind"))
        await agent.until("not closed", lambda: agent.close_code)       # it is in force here all the same
        self.assertEqual(agent.close_code, REVOKED)
        await asyncio.to_thread(desk.postgres.signal_all, signal.SIGCONT)
        await asyncio.to_thread(desk.revoke, role="agent", person="07")
        await asyncio.to_thread(desk.kill)
        await asyncio.to_thread(desk.start)
        await agent.drop()
        await agent.connect()
        await agent.send({"type": "sign_in", "token": agent.token})
        await agent.until("let in again", lambda: agent.close_code)
        self.assertEqual(agent.close_code, REVOKED)

    @in_a_loop
    async def test_a_guest_who_became_somebody_is_nobody_for_good(self):
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        guest = await desk.guest().sign_in()
        chat = await guest.open()
        await guest.say(chat, "我还没有登录")
        tab = desk.guest()
        tab.token = guest.token
        await tab.sign_in()
        named = desk.buyer("b1")
        await guest.send({"type": "refresh", "token": named.token})
        await guest.expect("signed_in", person="b1", role="buyer")
        await tab.until("the guest's other tab stays", lambda: tab.close_code)
        self.assertEqual(tab.close_code, REVOKED)
        await guest.say(chat, "现在我登录了")
        await guest.all_stored()

        async def stays_out():
            old = desk.guest()
            await old.connect()
            await old.send({"type": "sign_in", "token": tab.token})
            await old.until("let in again", lambda: old.close_code)
            self.assertEqual(old.close_code, REVOKED)

        await stays_out()
        await asyncio.to_thread(desk.kill)
        await asyncio.to_thread(desk.start)
        await stays_out()
        await named.sign_in()
        await named.until("the chat is the buyer's", lambda: chat in named.chats and len(named.chats[chat].words()) == 2)


class Demoted(unittest.TestCase):
    @in_a_loop
    async def test_rights_end_with_the_policy_that_gave_them(self):
        """A supervisor who is one no longer is sent away, and comes back as what is left."""
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        boss = await desk.agent("boss", "supervisor").sign_in()
        agent = await desk.agent("07").sign_in()
        desk.policy["agents"][2]["role"] = "agent"
        desk.policy["version"] = 1
        await asyncio.to_thread(desk.apply)
        await boss.until("not sent away", lambda: boss.close_code)
        self.assertEqual(boss.close_code, REVOKED)
        self.assertEqual((await desk.agent("boss", "supervisor").sign_in()).me["role"], "agent")
        await agent.command("set_status", status="available")


if __name__ == "__main__":
    unittest.main()

"""wire.py - The wire's promises against the real server: repeats, one open chat, closed chats, the inside stream, guests, doors."""
import asyncio
import json
import secrets
import unittest

import websockets

from desk import Desk, Refused, in_a_loop, jwt

BAD_TOKEN, SIGN_IN_TIMEOUT = 4500, 4005


class Wire(unittest.TestCase):
    def setUp(self):
        self.desk = Desk()
        self.addCleanup(self.desk.leave)
        self.desk.set_up().start()

    async def pair(self):
        """A buyer whose chat agent 07 holds."""
        buyer = await self.desk.buyer("b1").sign_in()
        agent = await (await self.desk.agent("07").sign_in()).available()
        chat = await buyer.open()
        await buyer.say(chat, "在吗")
        await agent.place(chat, "held")
        await buyer.all_stored()
        return buyer, agent, chat

    @in_a_loop
    async def test_a_repeat_gets_the_first_answer_again(self):
        desk = self.desk
        buyer, agent, chat = await self.pair()
        id = secrets.token_hex(16)
        async def seq_of(person, text="同一句", **fields):
            person.heard.clear()     # an earlier answer to the same id is no answer to this one
            answer = await person.command("say", id=id, chat=chat, text=text, **fields)
            return next(line["seq"] for line in answer.get("lines", [answer]) if line["id"] == id)
        first = await seq_of(buyer)
        await buyer.until("not stored", lambda: buyer.chats[chat].stored >= first)
        self.assertEqual(await seq_of(buyer), first)
        other_tab = await desk.buyer("b1").sign_in()
        await other_tab.open()
        self.assertEqual(await seq_of(other_tab), first)
        with self.assertRaises(Refused) as reused: await seq_of(buyer, "另一句")
        self.assertEqual(reused.exception.code, "id_reused")
        await asyncio.to_thread(desk.kill)
        await asyncio.to_thread(desk.start)
        await buyer.come_back()
        await buyer.place(chat, "held")
        self.assertEqual(await seq_of(buyer), first)
        self.assertEqual([text for _, text in desk.words(chat)], ["在吗", "同一句"])

    @in_a_loop
    async def test_one_open_chat_however_many_tabs_ask_at_once(self):
        tabs = [await self.desk.buyer("b1").sign_in() for _ in range(6)]
        chats = await asyncio.gather(*(tab.open() for tab in tabs))
        self.assertEqual(len(set(chats)), 1, chats)
        await tabs[0].say(chats[0], "一个就够")
        await asyncio.gather(*(tab.words(chats[0], "一个就够") for tab in tabs[1:]))
        await tabs[0].all_stored()
        self.assertEqual(len(self.desk.postgres.rows("select 1 from chat where buyer = 'b1'")), 1)

    @in_a_loop
    async def test_a_word_to_a_closed_chat(self):
        buyer, agent, chat = await self.pair()
        stored = await buyer.command("say", id=(id := secrets.token_hex(16)), chat=chat, text="最后一句")
        await agent.words(chat, "最后一句")
        await buyer.until("not stored", lambda: buyer.chats[chat].stored >= 3)
        await agent.command("close", chat=chat)
        await buyer.place(chat, "closed")
        self.assertEqual(await buyer.refused("say", chat=chat, text="太晚了"), "chat_closed")
        buyer.heard.clear()
        again = await buyer.command("say", id=id, chat=chat, text="最后一句")
        self.assertEqual([line["seq"] for line in again.get("lines", [again])], [line["seq"] for line in stored.get("lines", [stored])])
        self.assertEqual([text for _, text in self.desk.words(chat)], ["在吗", "最后一句"])

    @in_a_loop
    async def test_a_buyer_is_never_told_of_the_inside_stream(self):
        buyer, agent, chat = await self.pair()
        everything = []
        take = buyer._take
        buyer._take = lambda frame: (everything.append(frame), take(frame))
        await agent.command("say", chat=chat, text="这位客人上次退过货", inside=True)
        await agent.say(chat, "您好")
        await buyer.words(chat, "您好")
        await buyer.come_back()
        await buyer.place(chat, "held")
        await buyer.command("read_history")
        said = json.dumps(everything, ensure_ascii=False)
        self.assertNotIn("退过货", said)
        self.assertNotIn("inside", said)
        self.assertEqual([row["text"] for row in self.desk.transcript(chat, stream=1)], ["这位客人上次退过货"])

    @in_a_loop
    async def test_guests(self):
        desk = self.desk
        for origin in (None, "http://evil.example", "http://lamps.example.evil.com", "https://lamps.example", "http://lamps.example:81", "null"):
            guest = desk.guest(origin=origin)
            with self.assertRaises((websockets.exceptions.WebSocketException, OSError, asyncio.TimeoutError, Refused), msg=str(origin)):
                await guest.connect()
                await guest.send({"type": "sign_in"})
                await guest.expect("signed_in", wait_s=5)
        guest = await desk.guest().sign_in()
        self.assertEqual(guest.me["role"], "guest")
        chat = await guest.open()
        await guest.say(chat, "我没有账号")
        tab = desk.guest()
        tab.token = guest.token
        await tab.sign_in()
        self.assertEqual(tab.me["person"], guest.me["person"])
        self.assertEqual(await tab.open(), chat)
        await tab.words(chat, "我没有账号")
        somebody_else = await desk.guest().sign_in()
        self.assertNotEqual(somebody_else.me["person"], guest.me["person"])
        self.assertNotEqual(await somebody_else.open(), chat)

    @in_a_loop
    async def test_a_level_is_what_the_shop_signed(self):
        desk = self.desk
        vip = desk.buyer("dear")
        vip.token = desk.buyer_token("dear", level="vip")
        await vip.sign_in()
        chat = await vip.open()
        await vip.say(chat, "在吗")
        await vip.all_stored()
        self.assertEqual(desk.postgres.rows("select level, priority_s from chat where chat = %s", int(chat)), [("vip", 120)])

    @in_a_loop
    async def test_bad_tokens_are_one_answer(self):
        desk = self.desk
        bad = {"expired": desk.buyer_token("b", life_s=-3600), "another shop": desk.buyer_token("b", shop="chairs"),
               "another key": jwt({"sub": "b", "iss": "lamps-back-end", "aud": "deskd", "shop": "lamps", "exp": 4e9}, "x" * 64, "shop-1"),
               "staff's at the buyers' door": desk.staff_token("07"), "not a token": "hello", "none": jwt({"sub": "b"}, "", "shop-1", "none")}
        for what, token in bad.items():
            buyer = desk.buyer("b")
            buyer.token = token
            await buyer.connect()
            await buyer.send({"type": "sign_in", "token": token})
            await buyer.until(f"{what}: not closed", lambda: buyer.close_code)
            self.assertEqual(buyer.close_code, BAD_TOKEN, what)
            self.assertFalse([f for f in buyer.heard if f["type"] == "signed_in"], what)

    @in_a_loop
    async def test_a_silent_session_is_closed(self):
        silent = await self.desk.buyer("b").connect()
        await silent.until("not closed", lambda: silent.close_code, 20)
        self.assertEqual(silent.close_code, SIGN_IN_TIMEOUT)

    @in_a_loop
    async def test_what_is_not_the_protocol(self):
        buyer, agent, chat = await self.pair()
        for text, code in (('{"type":"dance"}', "unknown_type"), ('{"type":"say"', "bad_json"), ('{"type":"say","id":"1"}', "bad_message"), ('[]', "bad_json")):
            await buyer.link.send(text)
            self.assertEqual((await buyer.expect("error"))["code"], code, text)
        self.assertEqual(await buyer.refused("say", chat=chat, text="a" * 9000), "too_large")
        await buyer.command("say", chat=chat, text="带一个新字段", colour_of_the_wall="white")
        await agent.words(chat, "带一个新字段")

    @in_a_loop
    async def test_refresh_keeps_the_session(self):
        buyer, agent, chat = await self.pair()
        await buyer.send({"type": "refresh", "token": self.desk.buyer_token("b1", life_s=7200)})
        await buyer.say(chat, "还在")
        await agent.words(chat, "还在")
        await buyer.send({"type": "refresh", "token": self.desk.buyer_token("somebody-else")})
        await buyer.until("not told", lambda: buyer.close_code or [f for f in buyer.heard if f["type"] == "error"])


class LongAfter(unittest.TestCase):
    """A chat that ended so long ago that the server has forgotten it is read back when somebody names it."""
    def setUp(self):
        self.desk = Desk(reopen_within="1s")
        self.addCleanup(self.desk.leave)
        self.desk.set_up().start()

    @in_a_loop
    async def test_repeats_and_recall(self):
        buyer = await self.desk.buyer("b1").sign_in()
        other = await self.desk.buyer("b2").sign_in()
        agent = await (await self.desk.agent("07").sign_in()).available()
        boss = await self.desk.agent("boss", role="supervisor").sign_in()
        chat = await buyer.open()
        first = await buyer.command("say", id=(id := secrets.token_hex(16)), chat=chat, text="卡号 6222")
        await agent.place(chat, "held")
        await agent.command("close", chat=chat)
        await buyer.place(chat, "closed")
        with self.assertRaisesRegex(Refused, "unknown_chat"):
            while True:
                await boss.command("explain", chat=chat)
                await asyncio.sleep(0.2)
        for person in (buyer, other, boss): person.heard.clear()

        page = await boss.command("read_history", chat=chat, before=chat, before_seq=1000)
        self.assertEqual(page["chats"][0]["lines"][0]["text"], "卡号 6222")
        again = await buyer.command("say", id=id, chat=chat, text="卡号 6222")
        seq_of = lambda answer: answer["lines"][0]["seq"]
        self.assertEqual(seq_of(again), seq_of(first))
        buyer.heard.clear()
        self.assertEqual(await buyer.refused("say", id=id, chat=chat, text="别的"), "id_reused")
        self.assertEqual(await buyer.refused("say", chat=chat, text="还在吗"), "chat_closed")
        self.assertEqual(await other.refused("say", chat=chat, text="我也要"), "unknown_chat")
        self.assertEqual(await other.refused("say", chat="1", text="?"), "unknown_chat")

        await boss.command("recall", chat=chat, seq=seq_of(first))
        page = await buyer.command("read_history")
        said = next(line for line in page["chats"][0]["lines"] if line["seq"] == seq_of(first))
        self.assertTrue(said["hidden"])
        self.assertEqual(said.get("text", ""), "")


if __name__ == "__main__":
    unittest.main()

"""crowding.py - A few buyers and agents who never stop talking, whatever happens to the server; and the reckoning afterwards.

Each keeps what it said and what it was told to be stored. check() holds both against the rows: nothing stored is lost,
nothing is doubled, every author's words stand in the order in which they were said.
"""
import asyncio
import random

import websockets

BUYERS, AGENTS = 10, 3


class Talkers:
    def __init__(self, desk, seed):
        self.desk, self.random, self.stopping = desk, random.Random(seed), False
        self.said, self.people, self.tasks, self.returns = {}, [], [], 0

    async def start(self):
        for number in range(AGENTS):
            agent = await (await self.desk.agent(f"a{number}").sign_in()).available()
            agent.listening = False
            self.people.append(agent)
        for number in range(BUYERS):
            buyer = await self.desk.buyer(f"buyer-{number}").sign_in()
            chat = await buyer.open()
            buyer.mine = [chat]
            buyer.listening = False
            self.people.append(buyer)
        self.tasks = [asyncio.create_task(self._talk(person, name)) for name, person in enumerate(self.people)]
        return self

    def _chats(self, person):
        if hasattr(person, "mine"): return person.mine
        return [number for number, held in person.chats.items() if held.state.get("mine") and held.state.get("place") == "held"]

    async def _talk(self, person, name):
        while not self.stopping:
            try:
                if person.close_code is not None:
                    await person.come_back(60)
                    self.returns += 1
                for chat in self._chats(person):
                    text = f"{name}/{len(self.said.setdefault((name, chat), []))} 你好 {self.random.randrange(10**6)} 😀"
                    self.said[name, chat].append(text)
                    await person.say(chat, text)
            except (OSError, websockets.exceptions.WebSocketException):
                if person.close_code is None: person.close_code = 1006
            await asyncio.sleep(self.random.uniform(0.005, 0.06))

    async def stop(self):
        """Faults have ended: everyone comes back and everything that was said must become stored."""
        self.stopping = True
        await asyncio.gather(*self.tasks)
        for person in self.people:
            if person.close_code is not None: await person.come_back(60)
        for person in self.people: await person.all_stored(60)

    def check(self, case):
        desk = self.desk
        desk.check_rows(case)
        rows = {}
        for person in self.people:
            for chat in set(self._chats(person)) | {chat for chat, _, _ in person.acked.values()}:
                if chat not in rows: rows[chat] = desk.transcript(chat)
            for chat, seq, text in person.acked.values():
                case.assertLess(seq - 1, len(rows[chat]), f"chat {chat}: line {seq} was told to be stored and is gone")
                case.assertEqual(rows[chat][seq - 1]["text"], text, f"chat {chat} line {seq}: stored as something else")
        total = 0
        for (name, chat), said in self.said.items():
            case.assertEqual([row["text"] for row in rows[chat] if row["text"].startswith(f"{name}/")], said, f"person {name} in chat {chat}")
            total += len(said)
        for person in self.people:
            for chat in self._chats(person):
                held = person.chats[chat]
                case.assertEqual(held.words(), [(r["origin"], r["text"]) for r in rows[chat] if r["kind"] == "words"], f"what a client holds of chat {chat}")
        return total


def agents(count=AGENTS): return [{"name": f"a{n}", "title": f"a{n}", "queues": ["sales"], "capacity": 20} for n in range(count)]

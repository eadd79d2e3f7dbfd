"""crowding.py - A few buyers and agents who never stop talking, whatever happens to the server; and the reckoning afterwards.

Each keeps what it said and what it was told to be stored. check() holds both against the rows: nothing stored is lost,
nothing is doubled, every author's words stand in the order in which they were said. With `slow` there are also buyers who
wait: for an agent who takes her time and leaves one of them without any answer, and in line behind those she has.
"""
import asyncio
import random

import websockets

BUYERS, AGENTS, WAITING, SLOW_CAPACITY = 10, 3, 6, 4
QUICK_S, SLOW_S = (0.005, 0.06), (0.2, 6)


class Talkers:
    def __init__(self, desk, seed, slow=False):
        self.desk, self.random, self.stopping, self.slow = desk, random.Random(seed), asyncio.Event(), slow
        self.said, self.people, self.tasks, self.returns = {}, [], [], 0

    async def start(self):
        for number in range(AGENTS): await self._agent(f"a{number}", QUICK_S)
        for number in range(BUYERS): await self._buyer(f"buyer-{number}", QUICK_S)
        if self.slow:
            await self._agent("slow", SLOW_S)
            for number in range(WAITING): await self._buyer(f"waiting-{number}", SLOW_S, queue="care")
        self.tasks = [asyncio.create_task(self._talk(person, name)) for name, person in enumerate(self.people)]
        return self

    async def _agent(self, name, pace):
        agent = await (await self.desk.agent(name).sign_in()).available()
        self._joins(agent, pace)

    async def _buyer(self, name, pace, **fields):
        buyer = await self.desk.buyer(name).sign_in()
        buyer.mine = [await buyer.open(**fields)]
        self._joins(buyer, pace)

    def _joins(self, person, pace):
        person.pace, person.listening = pace, False
        self.people.append(person)

    def _chats(self, person):
        if hasattr(person, "mine"): return person.mine
        held = [number for number, held in person.chats.items() if held.state.get("mine") and held.state.get("place") == "held"]
        return held if person.pace == QUICK_S else held[1:]

    async def _talk(self, person, name):
        while not self.stopping.is_set():
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
            try: await asyncio.wait_for(self.stopping.wait(), self.random.uniform(*person.pace))
            except asyncio.TimeoutError: pass

    async def stop(self):
        """Faults have ended: everyone comes back and everything that was said must become stored."""
        self.stopping.set()
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


def agents(count=AGENTS):
    quick = [{"name": f"a{n}", "title": f"a{n}", "queues": ["sales"], "capacity": 20} for n in range(count)]
    return [*quick, {"name": "slow", "title": "slow", "queues": ["care"], "capacity": SLOW_CAPACITY}]

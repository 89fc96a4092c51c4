"""An SMTP server that goes wrong at random, from a seed, and knows which mails it has taken.

It runs in a thread of the test. taken() counts for each number in a Subject "id N" how often that mail was taken: answered
250, or taken in without a word when the connection is cut behind the data.
"""

import asyncio
import collections
import random
import re
import threading


class Gone(Exception):
    """The connection is to be closed."""


class Connection:
    """One dialogue. Each method that may go wrong asks the dice first."""

    def __init__(self, server, reader, writer):
        self.server = server
        self.reader = reader
        self.writer = writer
        self.dice = random.Random(server.dice.random())
        self.buffer = b""

    def chance(self, part):
        return self.dice.random() < part * self.server.trouble

    async def say(self, text):
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def line(self):
        line = await self.reader.readline()
        if not line:
            raise Gone
        return line.decode(errors="replace").strip()

    async def go(self, reset=False):
        if reset:
            self.writer.transport.abort()
        raise Gone

    async def greet(self):
        if self.chance(0.02):
            await self.go(reset=self.dice.random() < 0.5)
        if self.chance(0.02):
            await self.say("421 4.3.2 too busy")
            await self.go()
        if self.chance(0.01):
            await self.say("554 5.3.2 not you")
            await self.go()
        if self.chance(0.02):
            await asyncio.sleep(0.2)
        await self.say("220 soak.test ESMTP")

    async def hello(self):
        words = [word for word in ("PIPELINING", "CHUNKING", "8BITMIME") if self.dice.random() < 0.7]
        for word in ["soak.test", *words]:
            await self.say(f"250-{word}")
        await self.say("250 SIZE 100000000")

    async def recipient(self):
        if not self.begun:
            await self.say("503 5.5.1 no sender")
            return
        if self.chance(0.03):
            await self.say(self.dice.choice(["450 4.2.0 greylisted", "550 5.1.1 no such user", "552 5.2.2 full"]))
            return
        self.recipients += 1
        await self.say("250 2.1.5 Ok")

    def take(self, content):
        match = re.search(rb"(?m)^Subject: .*?id[ _](\d+)", content)
        with self.server.lock:
            self.server.count[int(match[1]) if match else -1] += 1

    async def end(self, content):
        """The reply to the data."""
        if self.chance(0.03):
            await self.say(self.dice.choice(["451 4.3.0 later", "452 4.3.1 disk full", "554 5.7.1 spam"]))
            return
        if self.chance(0.02):
            if self.dice.random() < 0.5:
                self.take(content)
            await self.go(reset=self.dice.random() < 0.5)
        if self.chance(0.01):
            self.take(content)
            await self.say("fine, thanks")
            await self.go()
        if self.chance(0.05):
            await asyncio.sleep(self.dice.random() * 0.5)
        self.take(content)
        await self.say("250 2.0.0 Ok: taken")
        if self.chance(0.05):
            await self.go(reset=self.dice.random() < 0.5)  # a session that dies in the pool

    async def data(self):
        if self.recipients == 0:
            await self.say("554 5.5.1 no valid recipients")
            return
        if self.chance(0.02):
            await self.say("451 4.3.0 not now")
            return
        await self.say("354 go ahead")
        lines = []
        while (line := await self.reader.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
            if len(lines) == 3 and self.chance(0.01):
                await self.go(reset=True)
        if not line:
            raise Gone
        await self.end(b"".join(lines))

    async def chunk(self, words):
        self.chunks += await self.reader.readexactly(int(words[1]))
        if self.recipients == 0:
            await self.say("503 5.5.1 no valid recipients")
        elif len(words) < 3:
            await self.say("250 2.0.0 continue")
        else:
            await self.end(self.chunks)
            self.chunks = b""

    async def command(self, line):
        words = line.split()
        verb = words[0].upper() if words else ""
        if verb in ("EHLO", "HELO"):
            await self.hello()
        elif verb == "MAIL":
            self.recipients = 0
            self.chunks = b""
            if self.chance(0.01):
                await self.go(reset=self.dice.random() < 0.5)
            self.begun = not self.chance(0.02)
            reply = "250 2.1.0 Ok" if self.begun else self.dice.choice(["451 4.3.0 later", "550 5.1.8 bad sender", "421 4.3.2 closing"])
            await self.say(reply)
            if reply.startswith("421"):
                await self.go()
        elif verb == "RCPT":
            await self.recipient()
        elif verb == "DATA":
            await self.data()
        elif verb == "BDAT":
            await self.chunk(words)
        elif verb == "QUIT":
            await self.say("221 2.0.0 Bye")
            raise Gone
        else:
            await self.say("250 2.0.0 Ok")

    async def run(self):
        self.begun = False
        self.recipients = 0
        self.chunks = b""
        await self.greet()
        while True:
            await self.command(await self.line())


class FaultyServer:
    def __init__(self, seed, trouble=1.0):
        self.dice = random.Random(seed)
        self.trouble = trouble
        self.lock = threading.Lock()
        self.count = collections.Counter()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self.thread.start()
        self.ready.wait()

    async def serve(self):
        self.loop = asyncio.get_running_loop()
        self.stopped = asyncio.Event()
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        async with server:
            await self.stopped.wait()

    async def connection(self, reader, writer):
        try:
            await Connection(self, reader, writer).run()
        except (Gone, OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(10)

    def taken(self):
        with self.lock:
            return collections.Counter(self.count)

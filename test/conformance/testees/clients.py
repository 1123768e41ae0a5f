"""Echo clients of Python: clients.py NAME URL AGENT. They run all cases of a fuzzing server, some at a time."""

import asyncio
import sys
from urllib.parse import quote

MAX_BYTES = 16 * 1024 * 1024
LANES = 4
name, url, agent = sys.argv[1:4]
who = "agent=" + quote(agent)


async def websockets(address, on_message):
    from websockets import connect, exceptions

    try:
        async with connect(address, max_size=MAX_BYTES) as socket:
            async for message in socket:
                answer = on_message(message)
                if answer is not None:
                    await socket.send(answer)
    except (exceptions.WebSocketException, OSError):
        pass


async def aiohttp(address, on_message):
    from aiohttp import ClientError, ClientSession, WSMsgType

    try:
        async with ClientSession() as session:
            async with session.ws_connect(address, max_msg_size=MAX_BYTES, compress=15) as socket:
                async for message in socket:
                    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                        continue
                    answer = on_message(message.data)
                    if isinstance(answer, str):
                        await socket.send_str(answer)
                    elif answer is not None:
                        await socket.send_bytes(answer)
    except (ClientError, OSError, ConnectionError):
        pass


async def tornado(address, on_message):
    from tornado.websocket import WebSocketClosedError, websocket_connect

    try:
        options = {"compression_options": {}, "max_message_size": MAX_BYTES}
        socket = await websocket_connect(address, **options)
        while True:
            # A reason that is no text ends its loop, and nobody is told.
            message = await asyncio.wait_for(socket.read_message(), 15)
            if message is None:
                return
            answer = on_message(message)
            if answer is not None:
                await socket.write_message(answer, binary=isinstance(answer, bytes))
    except (WebSocketClosedError, OSError, asyncio.TimeoutError):
        pass


connect = {"websockets": websockets, "aiohttp": aiohttp, "tornado": tornado}[name]


async def ask(path):
    answers = []
    await connect(url + path, answers.append)
    return answers[0] if answers else None


async def main():
    cases = iter(range(1, int(await ask("/getCaseCount")) + 1))

    async def lane():
        for case in cases:
            try:
                await connect(f"{url}/runCase?case={case}&{who}", lambda message: message)
            except Exception:  # Whatever a case brings about, the next one follows.
                pass

    await asyncio.gather(*(lane() for _ in range(LANES)))
    await ask("/updateReports?" + who)


asyncio.run(main())

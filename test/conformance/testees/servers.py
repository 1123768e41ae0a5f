"""Echo servers of Python: servers.py NAME. Each takes messages of 16 MiB and compresses where it can; but for that they are
as their makers ship them. The first line printed is the port; with --version it is the version."""

import asyncio
import importlib
import sys

HOST = "127.0.0.1"
MAX_BYTES = 16 * 1024 * 1024


def ready(port):
    print(port, flush=True)


async def websockets():
    from websockets import exceptions, serve

    async def echo(socket, *_):
        try:
            async for message in socket:
                await socket.send(message)
        except exceptions.ConnectionClosed:
            pass

    server = await serve(echo, HOST, 0, max_size=MAX_BYTES)
    ready(server.sockets[0].getsockname()[1])
    await asyncio.Future()


async def aiohttp():
    from aiohttp import WSMsgType, web

    async def echo(request):
        socket = web.WebSocketResponse(max_msg_size=MAX_BYTES)
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await socket.send_bytes(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    ready(site._server.sockets[0].getsockname()[1])
    await asyncio.Future()


async def tornado():
    from tornado import httpserver, netutil, web, websocket

    class Echo(websocket.WebSocketHandler):
        def check_origin(self, origin):
            return True

        def get_compression_options(self):
            return {}

        async def on_message(self, message):
            await self.write_message(message, binary=isinstance(message, bytes))

    app = web.Application([("/.*", Echo)], websocket_max_message_size=MAX_BYTES)
    sockets = netutil.bind_sockets(0, HOST)
    httpserver.HTTPServer(app).add_sockets(sockets)
    ready(sockets[0].getsockname()[1])
    await asyncio.Future()


name = sys.argv[1]
if "--version" in sys.argv:
    module = importlib.import_module(name)
    print(getattr(module, "__version__", None) or module.version)
else:
    asyncio.run({"websockets": websockets, "aiohttp": aiohttp, "tornado": tornado}[name]())

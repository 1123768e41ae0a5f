import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { echo, HIGH_WATER_BYTES } from '../../src/cli/echo.ts';
import { answerPlainRequest, type PageAssets, readPageAssets } from '../../src/cli/page-assets.ts';
import { type PlaygroundServer, startPlaygroundServer } from '../../src/cli/playground-server.ts';
import { HIGH_WATER_BYTES as MAX_UNTOLD, MAX_UNTOLD_BYTES, WatchDesk } from '../../src/cli/watch-desk.ts';
import { formatHex, inspect, parseHex, unpackBytes, type WireEvent } from '../../src/inspector/index.ts';
import { closed, text as maskedText, RawPeer, upgradeRequest } from '../support/raw-peer.ts';
import { nextTurn } from '../support/servers.ts';
import { outcomeOf, start } from './framewright.ts';
import { runCaptured } from './run-captured.ts';

const MODES = [
  { name: 'node:http', args: [], usesNet: false },
  { name: 'bare TCP', args: ['--net'], usesNet: true },
];

let folder: string;
let assets: PageAssets;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewright-'));
  mkdirSync(join(folder, 'page', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'page', 'index.html'), '<!doctype html><title>playground</title>');
  writeFileSync(join(folder, 'page', 'assets', 'main-1234.js'), 'document.title;');
  writeFileSync(join(folder, 'page', 'notes.md'), 'not for the web');
  writeFileSync(join(folder, 'secret.html'), 'not part of the page');
  assets = readPageAssets(pathToFileURL(`${join(folder, 'page')}/`));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe.each(MODES)('framewright serve, as a process, on $name', ({ args }) => {
  it('§7.4.1 says where it is, echoes, and goes away in order on SIGTERM', async () => {
    const child = start(['serve', '--port', '0', ...args]);
    const outcome = outcomeOf(child);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const [, url] = /^framewright: echo server and playground at (http:\/\/127\.0\.0\.1:\d+\/) \(ws:\/\//.exec(line)!;
    const page = await fetch(url!);
    expect([200, 503]).toContain(page.status);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');

    const socket = new WebSocket(url!.replace('http', 'ws'));
    await once(socket, 'open');
    socket.send('Hello');
    const [data, isBinary] = await once(socket, 'message');
    expect([String(data), isBinary]).toEqual(['Hello', false]);
    const closed = once(socket, 'close');
    child.kill('SIGTERM');
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([1001, 'the server shuts down']);
    expect((await outcome).status).toBe(0);
  });
});

describe.each(MODES)('the playground server on $name', ({ usesNet }) => {
  let server: PlaygroundServer;
  let place: string;
  const sockets: WebSocket[] = [];

  beforeEach(async () => {
    server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet, assets });
    place = `127.0.0.1:${server.address.port}`;
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    await server.close();
  });

  async function open(target: string): Promise<WebSocket> {
    const socket = new WebSocket(`ws://${place}${target}`);
    sockets.push(socket);
    await once(socket, 'open');
    return socket;
  }

  it('serves the page, and HEAD like GET without the body', async () => {
    const page = await fetch(`http://${place}/?x=1`);
    expect([page.status, await page.text()]).toEqual([200, '<!doctype html><title>playground</title>']);
    const head = await fetch(`http://${place}/`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '40', '']);
    expect((await fetch(`http://${place}/nothing`)).status).toBe(404);
    expect((await fetch(`http://${place}/`, { method: 'POST' })).status).toBe(405);
  });

  it('says what it can show a page', async () => {
    expect(await (await fetch(`http://${place}/desk.json`)).json()).toEqual({ kind: 'echo' });
  });

  it('leads nowhere outside the page, however the path is written', async () => {
    for (const path of ['/../secret.html', '/%2e%2e/secret.html', '/assets/../../secret.html', '//etc/passwd']) {
      expect([path, await statusOf(path)]).toEqual([path, 404]);
    }
  });

  it('§5.6 echoes text as text and binary as binary, in order', async () => {
    const socket = await open('/');
    const received: string[] = [];
    const done = new Promise<void>((resolve) => {
      socket.on('message', (data, isBinary) => {
        received.push(`${isBinary ? 'binary' : 'text'} ${String(data)}`);
        if (received.length === 3) resolve();
      });
    });
    socket.send('a');
    socket.send(Buffer.from('b'));
    socket.send('');
    await done;
    expect(received).toEqual(['text a', 'binary b', 'text ']);
  });

  it('§10.4 loses nothing when the peer sends faster than it reads', async () => {
    const socket = await open('/');
    const message = randomBytes(1024 * 1024);
    const count = 24;
    let received = 0;
    const done = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        expect(data.equals(message)).toBe(true);
        if (++received === count) resolve();
      });
    });
    for (let i = 0; i < count; i++) socket.send(message);
    await done;
  });

  it('§7.4.1 no peer holds its end up: none that is silent, none that does not read, none that was refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const address = { endpoint: { host: '127.0.0.1', port: server.address.port } };
    const silent = await RawPeer.open(address, {}, true);
    const full = await RawPeer.open(address, {}, true);
    full.socket.pause();
    // Sent until nobody takes any more: then its echoes stand in front of the Close frame.
    const chunk = maskedText('x'.repeat(65_536));
    while (full.socket.write(chunk) || full.socket.writableLength < 4 * 1024 * 1024) await nextTurn();
    const refused = await RawPeer.connect(address, true);
    refused.send(upgradeRequest({}, 'GET /elsewhere HTTP/1.1'));
    await refused.head();
    const done = server.close();
    expect(await silent.frame()).toBe(closed(1001, 'the server shuts down'));
    let isDone = false;
    void done.then(() => (isDone = true));
    for (let passedMs = 0; passedMs < 10_000 && !isDone; passedMs += 500) {
      await vi.advanceTimersByTimeAsync(500);
      for (let turn = 0; turn < 10; turn++) await nextTurn();
    }
    expect(isDone).toBe(true);
  });

  it('has no WebSocket at other paths', async () => {
    const socket = new WebSocket(`ws://${place}/elsewhere`);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('404');
  });

  describe('watching', () => {
    interface Watch {
      readonly watcher: WebSocket;
      readonly events: WireEvent[];
      /** Resolves with the first event that fits, past or to come. */
      readonly event: (fits: (event: WireEvent) => boolean) => Promise<WireEvent>;
    }

    async function watch(id: string): Promise<Watch> {
      const watcher = new WebSocket(`ws://${place}/watch?id=${id}`);
      sockets.push(watcher);
      const events: WireEvent[] = [];
      const waiting = new Set<() => void>();
      watcher.on('message', (data: Buffer, isBinary) => {
        events.push(isBinary ? bytesEvent(data) : JSON.parse(String(data)));
        for (const look of waiting) look();
      });
      const event = (fits: (event: WireEvent) => boolean) =>
        new Promise<WireEvent>((resolve) => {
          const look = () => {
            const found = events.find(fits);
            if (found === undefined) return;
            waiting.delete(look);
            resolve(found);
          };
          waiting.add(look);
          look();
        });
      await event(({ type }) => type === 'watching');
      return { watcher, events, event };
    }

    function bytesEvent(message: Uint8Array): WireEvent {
      const { bytes, ...place } = unpackBytes(message);
      return { type: 'bytes', ...place, hex: formatHex(bytes) };
    }

    function bytesOf(events: readonly WireEvent[], direction: string): Uint8Array {
      return parseHex(
        events.map((event) => (event.type === 'bytes' && event.direction === direction ? event.hex : '')).join(''),
      );
    }

    it('§5.3 shows the bytes as they were on the wire, still masked, with both heads', async () => {
      const id = randomBytes(16).toString('hex');
      const { events, event } = await watch(id);
      const socket = await open(`/?watch=${id}`);
      socket.send('Hello');
      await once(socket, 'message');
      socket.close(1000, 'bye');
      await once(socket, 'close');
      await event(({ type }) => type === 'ended');

      const up = inspect(bytesOf(events, 'clientToServer'));
      expect(up.role).toBe('server');
      expect(up.handshake).toMatchObject({ startLine: `GET /?watch=${id} HTTP/1.1`, opensWebSocket: true });
      expect(up.frames.map((frame) => frame.summary)).toEqual(['text, 5 bytes, masked', 'close, 5 bytes, masked']);
      expect(up.frames[0]!.payload.text).toBe('Hello');
      expect(up.violation).toBeUndefined();
      const down = inspect(bytesOf(events, 'serverToClient'));
      expect(down.handshake).toMatchObject({ startLine: 'HTTP/1.1 101 Switching Protocols', opensWebSocket: true });
      expect(down.frames.map((frame) => frame.summary)).toEqual(['text, 5 bytes', 'close, 5 bytes']);
      expect(down.violation).toBeUndefined();
    });

    it('§5.5.2 has the server ping, send fragments and close, and says why it did not', async () => {
      const id = randomBytes(16).toString('hex');
      const { watcher, event } = await watch(id);
      watcher.send(JSON.stringify({ type: 'ping', payload: 'too early' }));
      expect(await event(({ type }) => type === 'refused')).toMatchObject({ reason: 'no connection is being watched' });
      const socket = await open(`/?watch=${id}`);
      watcher.send(JSON.stringify({ type: 'ping', payload: 'tick' }));
      expect(String((await once(socket, 'ping'))[0])).toBe('tick');
      watcher.send(JSON.stringify({ type: 'fragments', parts: ['a', '', 'b'] }));
      expect(String((await once(socket, 'message'))[0])).toBe('ab');
      for (const [request, reason] of [
        [{ type: 'ping', payload: 'x'.repeat(126) }, '125 bytes'],
        [{ type: 'close', code: 1005, reason: '' }, 'valid error code'],
        [{ type: 'frob' }, 'a request is a ping'],
      ] as const) {
        watcher.send(JSON.stringify(request));
        await event((e) => e.type === 'refused' && e.reason.includes(reason));
      }
      watcher.send(JSON.stringify({ type: 'close', code: 1013, reason: 'later' }));
      const [code, reason] = await once(socket, 'close');
      expect([code, String(reason)]).toEqual([1013, 'later']);
    });

    it('goes on for as long as the connection does, however much passes', async () => {
      const id = randomBytes(16).toString('hex');
      const { events, event } = await watch(id);
      const socket = await open(`/?watch=${id}`);
      const sizes = [300_000, 5, 3_000_000, 7];
      let received = 0;
      socket.on('message', () => {
        if (++received === sizes.length) socket.close();
      });
      for (const size of sizes) socket.send(Buffer.alloc(size));
      await event(({ type }) => type === 'ended');
      for (const direction of ['clientToServer', 'serverToClient']) {
        const { frames, violation, incomplete } = inspect(bytesOf(events, direction), { maxPayloadBytes: 16 });
        expect(frames.map(({ payload }) => payload.declaredLength)).toEqual([...sizes, 0]);
        expect(frames.every(({ state }) => state === 'whole')).toBe(true);
        expect([violation, incomplete]).toEqual([undefined, undefined]);
      }
    }, 20_000);

    it('§7.4.1 tells of the Close frames of a server that shuts down, and then ends itself', async () => {
      const id = randomBytes(16).toString('hex');
      const { watcher, events } = await watch(id);
      const socket = await open(`/?watch=${id}`);
      const ended = once(watcher, 'close');
      const closed = server.close();
      expect((await once(socket, 'close'))[0]).toBe(1001);
      expect((await ended)[0]).toBe(1001);
      await closed;
      const last = (direction: string) => inspect(bytesOf(events, direction)).frames.at(-1);
      expect(last('serverToClient')).toMatchObject({ opcodeName: 'close', payload: { text: 'the server shuts down' } });
      expect(last('clientToServer')).toMatchObject({ opcodeName: 'close', state: 'whole' });
      expect(events.at(-1)!.type).toBe('ended');
    });

    it('§5.5.1 has the server close without a code', async () => {
      const id = randomBytes(16).toString('hex');
      const { watcher } = await watch(id);
      const socket = await open(`/?watch=${id}`);
      watcher.send(JSON.stringify({ type: 'close' }));
      expect((await once(socket, 'close'))[0]).toBe(1005);
    });

    it('§7.4.1 takes no ids that are short, or in use', async () => {
      const id = randomBytes(16).toString('hex');
      await watch(id);
      for (const other of ['1234', '', id]) {
        const socket = await open(`/watch?id=${other}`);
        expect((await once(socket, 'close'))[0]).toBe(1008);
      }
    });
  });

  /** With the path as it is: fetch would tidy it. */
  async function statusOf(path: string): Promise<number | undefined> {
    const request = httpRequest({ host: '127.0.0.1', port: server.address.port, path });
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode;
  }
});

describe('a page that does not read what is recorded for it', () => {
  const id = '0'.repeat(32);

  function watched() {
    const calls: string[] = [];
    const told: (() => void)[] = [];
    const watcher = Object.assign(new EventEmitter(), {
      OPEN: 1,
      readyState: 1,
      send: (_message: unknown, sent?: () => void) => void (sent && told.push(sent)),
      close: (code: number) => {
        calls.push(`close ${code}`);
        watcher.readyState = 2;
      },
    });
    const echoSocket = Object.assign(new EventEmitter(), {
      pause: () => calls.push('pause'),
      resume: () => calls.push('resume'),
    });
    const socket = new PassThrough();
    const desk = new WatchDesk();
    desk.open(watcher as unknown as Parameters<WatchDesk['open']>[0], `/watch?id=${id}`);
    desk.tap(socket, { method: 'GET', url: `/?watch=${id}`, httpVersion: '1.1', rawHeaders: [] });
    desk.join(echoSocket as unknown as Parameters<WatchDesk['join']>[0], `/?watch=${id}`);
    return { calls, told, socket, watcher };
  }

  it('§10.4 holds its connection back, and lets it go on once that has left', () => {
    const { calls, told, socket } = watched();
    socket.emit('data', Buffer.alloc(MAX_UNTOLD + 1));
    expect(calls).toEqual(['pause']);
    for (const sent of told.splice(0)) sent();
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('§10.4 is watched no more when even so too much waits, and the connection goes on', () => {
    const { calls, told, socket } = watched();
    const chunk = Buffer.alloc(8 * 1024 * 1024);
    for (let bytes = 0; bytes <= MAX_UNTOLD_BYTES; bytes += chunk.length) socket.emit('data', chunk);
    expect(calls.slice(-2)).toEqual(['close 1008', 'resume']);
    const count = told.length;
    socket.emit('data', chunk);
    expect(told.length).toBe(count);
  });

  it('§10.4 lets its connection go on when it leaves', () => {
    const { calls, socket, watcher } = watched();
    socket.emit('data', Buffer.alloc(MAX_UNTOLD + 1));
    watcher.emit('close');
    expect(calls).toEqual(['pause', 'resume']);
  });
});

describe('echo', () => {
  it('§10.4 reads no further while more than its high water is unsent, and goes on once that is written', () => {
    const calls: string[] = [];
    const sent: { data: Buffer; written: (() => void) | undefined }[] = [];
    const socket = Object.assign(new EventEmitter(), {
      bufferedAmount: 0,
      pause: () => calls.push('pause'),
      resume: () => calls.push('resume'),
      send: (data: Buffer, _options: unknown, written?: () => void) => sent.push({ data, written }),
    });
    echo(socket as unknown as Parameters<typeof echo>[0]);
    socket.emit('message', Buffer.alloc(HIGH_WATER_BYTES), true);
    expect([calls, sent.length]).toEqual([[], 1]);
    socket.bufferedAmount = HIGH_WATER_BYTES;
    socket.emit('message', Buffer.from('x'), true);
    expect([calls, sent.length]).toEqual([['pause'], 2]);
    sent[1]!.written?.();
    expect(calls).toEqual(['pause', 'resume']);
  });
});

describe('the page', () => {
  it('is a map of files that browsers can use', () => {
    expect([...assets.keys()].sort()).toEqual(['/', '/assets/main-1234.js', '/index.html']);
    const script = answerPlainRequest(assets, 'GET', '/assets/main-1234.js');
    expect(script.headers['Content-Type']).toBe('text/javascript; charset=utf-8');
    expect(script.headers['Cache-Control']).toContain('immutable');
    const index = answerPlainRequest(assets, 'GET', '/');
    expect(index.headers['Cache-Control']).toBe('no-cache');
    expect(index.headers['Content-Security-Policy']).toContain("default-src 'none'");
  });

  it('says how to build it when it has not been built', () => {
    const none = readPageAssets(pathToFileURL(`${join(folder, 'nowhere')}/`));
    const { status, body } = answerPlainRequest(none, 'GET', '/');
    expect(status).toBe(503);
    expect(String(body)).toContain('npm run build');
  });
});

describe('framewright serve --deflate', () => {
  it.each(MODES)('RFC 7692 §7.1 agrees to compression on $name', async ({ usesNet }) => {
    for (const compresses of [true, false]) {
      const server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet, compresses, assets });
      const socket = new WebSocket(`ws://127.0.0.1:${server.address.port}/`);
      await once(socket, 'open');
      expect(socket.extensions).toBe(compresses ? 'permessage-deflate' : '');
      socket.terminate();
      await server.close();
    }
  });
});

describe('framewright serve: what goes wrong', () => {
  it('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    for (const { args } of MODES) {
      const { status, stdout, stderr } = await runCaptured('serve', '--port', String(port), ...args);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toBe(
        `framewright: serve: port ${port} on 127.0.0.1 is in use: stop whoever uses it, or choose another with --port (0: any free one)\n`,
      );
    }
    other.close();
  });

  it('an address of another machine', async () => {
    const { status, stderr } = await runCaptured('serve', '--port', '0', '--host', '192.0.2.1');
    expect(status).toBe(1);
    expect(stderr).toContain('192.0.2.1 is no address of this machine');
  });

  const rows: [args: string[], message: string][] = [
    [['--port', '65536'], '--port takes a whole number from 0 to 65535, not "65536"'],
    [['--port', 'http'], '--port takes a whole number from 0 to 65535, not "http"'],
    [['--port', ''], '--port takes a whole number from 0 to 65535, not ""'],
    [['--host', ''], '--host takes an address or a name'],
    [['8080'], "Unexpected argument '8080'"],
    [['--verbose'], "Unknown option '--verbose'"],
  ];
  for (const [args, message] of rows) {
    it(args.join(' '), async () => {
      const { status, stdout, stderr } = await runCaptured('serve', ...args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain(`framewright: serve: ${message}`);
    });
  }
});

import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { History, type InspectPage, startPage } from '../../../src/cli/inspect/page.ts';
import { listen } from '../../../src/index.ts';
import { unpackBytes } from '../../../src/inspector/index.ts';

async function start(): Promise<InspectPage> {
  const page = await startPage({ host: '127.0.0.1', port: 0, target: 'ws://target/', assets: new Map() });
  onTestFinished(() => page.close());
  return page;
}

async function eventsUrl(page: InspectPage): Promise<string> {
  const response = await fetch(`${page.url}desk.json`);
  const desk = (await response.json()) as { kind: string; target: string; events: string };
  expect(desk).toMatchObject({ kind: 'proxy', target: 'ws://target/' });
  return new URL(desk.events, page.url.replace('http', 'ws')).href;
}

/** What a page is told, in words. */
async function read(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers });
  onTestFinished(() => socket.terminate());
  const told: string[] = [];
  let wake = () => {};
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) {
      const { connection, direction, bytes } = unpackBytes(data);
      told.push(`${connection} ${direction} ${Buffer.from(bytes)}`);
    } else {
      const { connection, type, reason = '' } = JSON.parse(String(data));
      told.push(`${connection} ${type} ${reason}`.trim());
    }
    wake();
  });
  await once(socket, 'open');
  const untilLength = async (length: number): Promise<string[]> => {
    while (told.length < length) await new Promise<void>((resolve) => (wake = resolve));
    return told;
  };
  return { socket, untilLength };
}

const opened = (connection: number) => ({ type: 'opened', connection, at: new Date(0).toISOString() }) as const;
const bytesOf = (connection: number) => ({ type: 'bytes', connection, direction: 'clientToServer', atMs: 1 }) as const;
const ended = (connection: number) => ({ type: 'ended', connection, atMs: 2 }) as const;

describe('the page of inspect', () => {
  it('is told what passed before it came, and what passes', async () => {
    const page = await start();
    page.tell(opened(1), undefined);
    page.tell(bytesOf(1), Buffer.from('early'));
    const { untilLength } = await read(await eventsUrl(page), { Origin: page.url.slice(0, -1) });
    await untilLength(2);
    page.tell(bytesOf(1), Buffer.from('late'));
    page.tell(ended(1), undefined);
    expect(await untilLength(4)).toEqual(['1 opened', '1 clientToServer early', '1 clientToServer late', '1 ended']);
  });

  it('§10.2 other pages get neither the address nor the events', async () => {
    const page = await start();
    const url = await eventsUrl(page);
    for (const [address, headers] of [
      [url, { Origin: 'http://evil.example' }],
      [url, { Host: 'evil.example' }],
      [url.replace(/id=.*/, 'id=0'), {}],
    ] as const) {
      const socket = new WebSocket(address, { headers });
      const [error] = (await once(socket, 'error')) as [Error];
      expect(error.message).toMatch(/Unexpected server response: 40[34]/);
    }
    const { port } = new URL(page.url);
    const statusFor = async (host: string): Promise<number | undefined> => {
      const asked = request({ host: '127.0.0.1', port, path: '/desk.json', headers: { Host: host } }).end();
      const [response] = await once(asked, 'response');
      response.resume();
      return response.statusCode;
    };
    expect(await statusFor(`evil.example:${port}`)).toBe(421);
    expect(await statusFor(`localhost:${port}`)).toBe(200);
    expect(await statusFor(`[::1]:${port}`)).toBe(200);
  });

  it('§7.1.7 has a raw line to where the proxy listens, for its own page alone', async () => {
    const page = await start();
    const server = await listen({ host: '127.0.0.1', path: '/chat' }, (socket) => socket.on('error', () => {}));
    onTestFinished(() => server.close());
    const url = new URL('raw', page.url.replace('http', 'ws'));
    const dial = async (origin: string) => {
      const socket = new WebSocket(url, { headers: { Origin: origin } });
      return once(socket, 'open').then(
        () => socket,
        () => undefined,
      );
    };
    const own = page.url.slice(0, -1);
    expect(await dial(own)).toBe(undefined);
    page.announce('ws://proxy/chat', { ...(server.address() as AddressInfo), resourceName: '/chat', host: 'target' });
    expect(await dial('http://evil.example')).toBe(undefined);
    const socket = await dial(own);
    const heard: string[] = [];
    socket!.on('message', (data: Buffer, isBinary) => {
      heard.push(isBinary ? data.toString('hex') : String(data));
      if (!isBinary) socket!.send(Buffer.from('8100', 'hex'));
    });
    await once(socket!, 'close');
    expect(heard).toEqual(['open', '880203ea']);
  });

  it('is let go when the proxy stops', async () => {
    const page = await start();
    const { socket } = await read(await eventsUrl(page));
    const closed = once(socket, 'close');
    await page.close();
    expect((await closed)[0]).toBe(1001);
  });
});

describe('§10.4 what is kept for pages that come later', () => {
  /** What a page that comes now would be told, in words. */
  function tellAll(history: History): string[] {
    const told: string[] = [];
    const unseen = history.tellTo((message) =>
      told.push(typeof message === 'string' ? message.replace(/^{.*"reason".*/, 'ended') : `${message.length} B`),
    );
    return [...told, `unseen ${[...unseen]}`];
  }

  it('connections that have ended go first, the oldest before the others', () => {
    const history = new History(100);
    for (const connection of [1, 2]) {
      history.add(connection, 'opened', false);
      history.add(connection, new Uint8Array(30), connection === 2);
    }
    history.add(3, new Uint8Array(60), false);
    expect(tellAll(history)).toEqual(['opened', '30 B', '60 B', 'unseen ']);
  });

  it('then the longest of the others: without its beginning, nothing of it is told', () => {
    const history = new History(100);
    history.add(1, 'opened', false);
    history.add(1, new Uint8Array(60), false);
    history.add(2, 'opened', false);
    history.add(2, new Uint8Array(50), false);
    history.add(1, new Uint8Array(1000), false);
    expect(tellAll(history)).toEqual(['opened', 'ended', 'opened', '50 B', 'unseen 1']);
    history.add(1, 'end', true);
    expect(tellAll(history)).toEqual(['opened', '50 B', 'unseen ']);
  });
});

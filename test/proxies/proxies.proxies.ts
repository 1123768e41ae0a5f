/**
 * What goes through nginx and haproxy, as src/examples/deploy configures them: WebSockets, event streams as they come, HTTP/2; and
 * a rolling restart, in which nothing is lost and nothing comes twice.
 */

import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import { connect, type Live } from '../../src/live/node.ts';
import { until } from '../redis/until.ts';
import { countThrough } from '../support/count-through.ts';
import { counting } from '../support/counting.ts';
import { makeWorld, PROXIES, type World } from './world.ts';

/** As a page of the application. */
function classFor({ address, ca }: World) {
  return class extends WebSocket {
    constructor(url: string, subprotocols?: string[]) {
      super(url, subprotocols, { ca, origin: address });
    }
  };
}

function follow(world: World): Live<typeof counting> {
  const live = connect(counting, `${world.address}/live`, {
    WebSocket: classFor(world),
    backoff: { minMs: 50 },
    timeoutMs: 30_000,
    fallback: false, // its fetch knows no certificates of tests
  });
  onTestFinished(() => live.close());
  return live;
}

async function openHttp2({ address, ca }: World): Promise<ClientHttp2Session> {
  const session = connectHttp2(address, { ca });
  onTestFinished(() => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

describe.each(Object.keys(PROXIES))('through %s', (name) => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld(name);
  });
  afterAll(() => world?.end());

  it('WebSockets: same origin, the address of the client, messages of any length, the Close frame', async () => {
    const { address, ca } = world;
    const open = (origin: string) =>
      new WebSocket(`${address}/echo`, { ca, origin, headers: { 'X-Forwarded-For': '192.0.2.1' } });
    const socket = open(address);
    // What the client says of itself is not believed.
    expect(String((await once(socket, 'message'))[0])).toMatch(/^you are (127\.0\.0\.1|::1)$/);
    const long = 'x'.repeat(1_000_000);
    socket.send(long);
    expect(String((await once(socket, 'message'))[0])).toBe(long);
    socket.close(4000, 'bye');
    const [code, reason] = await once(socket, 'close');
    expect([code, String(reason)]).toEqual([4000, 'bye']);
    const [refused] = await once(open('https://elsewhere.example'), 'error');
    expect(refused.message).toContain('403');
  });

  it('event streams as they come, over HTTP/2, many on one connection', async () => {
    const session = await openHttp2(world);
    expect(session.alpnProtocol).toBe('h2');
    const health = session.request({ ':path': '/health' }).setEncoding('utf8');
    expect(await once(health, 'data')).toEqual(['HTTP/1.1']); // so it comes to the process
    const streams = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const stream = session.request({ ':path': '/numbers', accept: 'text/event-stream' }).setEncoding('utf8');
        const [head] = await once(stream, 'response');
        expect(head[':status']).toBe(200);
        const heard = { text: '' };
        stream.on('data', (text: string) => (heard.text += text));
        return heard;
      }),
    );
    await follow(world).call.count({ by: 'a page', number: 1 });
    await until(() => streams.every(({ text }) => text.includes('"by":"a page"'))); // and they are open
  });

  it(name === 'haproxy' ? 'WebSockets over HTTP/2' : 'WebSockets go over HTTP/1.1 alone', async () => {
    const socket = new WebSocket(`${world.address}/echo`, { http2: await openHttp2(world), origin: world.address });
    if (name === 'nginx') {
      const [error] = await once(socket, 'error');
      expect(error.message).toContain('SETTINGS_ENABLE_CONNECT_PROTOCOL');
      return;
    }
    await once(socket, 'message');
    socket.send('hello');
    expect(String((await once(socket, 'message'))[0])).toBe('hello');
    socket.close(1000);
    expect((await once(socket, 'close'))[0]).toBe(1000);
  });

  it('three processes restarted one after another under traffic: nothing is lost, nothing comes twice', async () => {
    const readers = Array.from({ length: 12 }, () => follow(world));
    const restarts = [0, 1, 2].map((index) => async () => expect(await world.restart(index)).toEqual([0, null]));
    console.log(`${name}: ${await countThrough(readers, restarts, 1000)}`);
  });
});

/** The small examples: each is started as a program, does what its user wants of it, and goes at SIGTERM. */

import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import { connect } from '../../src/live/node.ts';
import { EventSource } from '../../src/sse/index.ts';
import { compile, run, sourceOf, start } from './start.ts';

interface Example {
  readonly args?: readonly string[];
  /** What it says of what others do wrong. */
  readonly complaints?: string;
  /** What its user does, and sees. What it opens ends with the example. */
  use(address: string, program: string): Promise<void>;
}

/** As a page of the example opens it. */
function open(address: string, path = '/', subprotocols: readonly string[] = [], origin = address): WebSocket {
  return new WebSocket(address.replace('http', 'ws') + path, [...subprotocols], { origin });
}
/** The same for the client of a hub. */
class FromPage extends WebSocket {
  constructor(url: string, subprotocols?: string[]) {
    super(url, subprotocols, { origin: new URL(url.replace('ws', 'http')).origin });
  }
}
const nextText = async (socket: WebSocket): Promise<string> => (await once(socket, 'text'))[0];
/** Several may come at once. */
const text = (socket: WebSocket, wanted: string) =>
  new Promise<void>((resolve) => socket.on('text', (found) => found === wanted && resolve()));
const nextEvent = (source: EventSource, type: string) =>
  new Promise<{ readonly data?: string }>((resolve) => source.addEventListener(type, resolve, { once: true }));
const post = (url: string, body = '', headers = {}) => fetch(url, { method: 'POST', body, headers });

let uploads: string;
let examples: Awaited<ReturnType<typeof compile>>;

const EXAMPLES: Readonly<Record<string, Example>> = {
  echo: {
    async use(address) {
      const socket = open(address);
      socket.on('open', () => socket.send('hello'));
      expect(await nextText(socket)).toBe('hello');
    },
  },
  broadcast: {
    async use(address) {
      const ann = open(address);
      expect(await nextText(ann)).toBe('1 are here');
      const bob = open(address);
      await Promise.all([once(bob, 'open'), nextText(ann)]);
      const heard = text(bob, 'hello');
      ann.send('hello');
      await heard;
      const [refused] = await once(open(address, '/', [], 'http://elsewhere.example'), 'error');
      expect(refused.message).toContain('403');
    },
  },
  'typed-messages': {
    async use(address, program) {
      const buy = (...args: string[]) => run(program, ['--at', address, ...args]);
      const [bought, refused] = await Promise.all([buy('--buy', 'tea', '--count', '3'), buy('--count=-1')]);
      expect(bought).toMatchObject({ code: 0, output: 'Bought: 3 of tea, 7 are left\n', complaints: '' });
      expect(refused).toMatchObject({ code: 1, output: '' });
      expect(refused.complaints).toMatch(/^INVALID \[ 'count: .*\n$/);
    },
  },
  'token-auth': {
    async use(address) {
      const signIn = (password: string) =>
        fetch(`${address}/token`, { headers: { Authorization: `Basic ${btoa(`ann:${password}`)}` } });
      expect((await signIn('a guess')).status).toBe(403);
      const token = await (await signIn('sesame')).text();
      const socket = open(address, '/', ['hello', `bearer.${token}`]);
      expect(await nextText(socket)).toMatch(/^You are ann, until /);
      expect(socket.protocol).toBe('hello');
      const [refused] = await once(open(address, '/', ['hello', `bearer.${token}x`]), 'error');
      expect(refused.message).toContain('401');
    },
  },
  'rate-limit': {
    async use(address) {
      const socket = open(address);
      await once(socket, 'open');
      const began = performance.now();
      const heard = text(socket, '12');
      for (let i = 1; i <= 12; i++) socket.send(String(i));
      await heard;
      // Ten at once, and two at five a second.
      expect(performance.now() - began).toBeGreaterThan(350);
    },
  },
  express: {
    complaints: 'Unexpected end of JSON input\n',
    async use(address) {
      const socket = open(address, '/live');
      await once(socket, 'open');
      const order = (body: string) => post(`${address}/orders`, body, { 'Content-Type': 'application/json' });
      const heard = nextText(socket);
      expect(await (await order('{ "item": "tea", "count": 2 }')).json()).toEqual({ told: 1 });
      expect(JSON.parse(await heard)).toEqual({ item: 'tea', count: 2 });
      expect((await order('{ "item": "tea" }')).status).toBe(400);
      expect((await order('{ "item": ')).status).toBe(400);
    },
  },
  'socket.io': {
    async use(address) {
      expect((await fetch(`${address}/socket.io/socket.io.js`)).status).toBe(200);
      const [ann, bob] = [io(address), io(address)];
      await Promise.all([ann, bob].map((socket) => socket.emitWithAck('join', 'general')));
      const heard = new Promise((resolve) => bob.on('said', resolve));
      ann.emit('say', 'general', 'hello');
      expect(await heard).toBe('hello');
      ann.close();
      bob.close();
    },
  },
  sse: {
    args: ['--retry', '50'],
    async use(address) {
      const source = new EventSource(`${address}/news`);
      const heard: string[] = [];
      const next = () => nextEvent(source, 'message').then(({ data }) => heard.push(data!));
      await nextEvent(source, 'open');
      await Promise.all([next(), post(`${address}/news`, 'one')]);
      const lost = nextEvent(source, 'error');
      await post(`${address}/cut`);
      const rest = next();
      await post(`${address}/news`, 'two');
      await Promise.all([lost, rest]);
      expect(heard).toEqual(['one', 'two']);
      source.close();
    },
  },
  cursors: {
    async use(address) {
      expect(await (await fetch(`${address}/client.js`)).text()).toContain('framewright.realtime.1');
      const [ann, bob] = [1, 2].map(() => connect(`${address}/live`, { WebSocket: FromPage }));
      const [of, at] = [ann!.join('board'), bob!.join('board')];
      const places = new Promise((resolve) => at.on('message', ({ data }) => resolve(data)));
      await Promise.all([of, at].map((board) => new Promise((resolve) => board.on('state', resolve))));
      const place = { by: ann!.user, x: 0.25, y: 1 };
      await of.publish(place);
      expect(await places).toEqual(place);
      await expect(of.publish({ ...place, by: bob!.user })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await expect(of.publish({ ...place, x: 2 })).rejects.toMatchObject({ code: 'INVALID' });
      ann!.close();
      bob!.close();
    },
  },
  upload: {
    get args() {
      return ['--folder', uploads];
    },
    complaints: 'b this is not what was announced\n',
    async use(address) {
      const file = Buffer.alloc(200_000, 'framewright');
      const upload = (name: string) => open(address, `/?${new URLSearchParams({ name, size: String(file.length) })}`);
      const socket = upload('../a b.txt');
      await once(socket, 'open');
      const progress: number[] = [];
      socket.on('text', (text) => progress.push(Number(text)));
      for (let at = 0; at < file.length; at += 65_536) socket.send(file.subarray(at, at + 65_536));
      expect((await once(socket, 'close'))[0]).toBe(1000);
      expect(progress).toEqual([65_536, 131_072, 196_608, 200_000]);
      expect(readFileSync(join(uploads, '_a_b.txt'))).toEqual(file);
      const [unnamed] = await once(open(address), 'close');
      expect(unnamed).toBe(4400);
      const tooLong = upload('b');
      tooLong.on('open', () => tooLong.send(Buffer.alloc(200_001)));
      expect((await once(tooLong, 'close'))[0]).toBe(1011);
      expect(readdirSync(uploads)).toEqual(['_a_b.txt']);
    },
  },
};

beforeAll(async () => {
  uploads = mkdtempSync(join(tmpdir(), 'framewright-uploads-'));
  examples = await compile(Object.fromEntries(Object.keys(EXAMPLES).map((name) => [name, sourceOf(name)])));
});
afterAll(() => {
  rmSync(uploads, { recursive: true });
  examples.remove();
});

it('each example has its script, and its line in the list', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const named = Object.keys(scripts).filter((script) => script.startsWith('example:'));
  for (const script of named) {
    const name = script.slice(8);
    expect([`tsx src/examples/${name}.ts`, `tsx src/examples/${name}/server.ts`]).toContain(scripts[script]);
  }
  expect(named).toEqual(expect.arrayContaining(Object.keys(EXAMPLES).map((name) => `example:${name}`)));
  const list = readFileSync('src/examples/README.md', 'utf8');
  expect([...list.matchAll(/^\| `(example:.+?)`/gm)].map(([, name]) => name).sort()).toEqual(named.sort());
});

describe('the small examples', () => {
  it.concurrent.for(Object.entries(EXAMPLES))(
    '%s',
    async ([name, { args, use, complaints = '' }], { onTestFinished }) => {
      const program = examples.programOf(name);
      const { address, child, ended, said } = await start(program, args);
      onTestFinished(() => void child.kill('SIGKILL'));
      await use(address, program);
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      expect(said.complaints).toBe(complaints);
    },
  );
});

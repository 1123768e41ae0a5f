/** What a process does that is told to end: no message is lost, everyone is told, and nobody holds it up. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { drainOnSignal } from '../../src/index.ts';
import { closed, RawPeer, text } from '../support/raw-peer.ts';

const PROGRAM = fileURLToPath(new URL('./drained-program.ts', import.meta.url));
/** Far behind everything that these tests wait for. */
const NEVER_MS = 600_000;

interface Started {
  readonly child: ChildProcess;
  /** Of the HTTP server, and of the NetServer. */
  readonly ports: readonly [number, number];
  /** Exit code and signal. */
  readonly ended: Promise<unknown[]>;
  /** What it says at the end. */
  readonly lines: { readonly counts: object; readonly messages: string[] }[];
  readonly complaints: { text: string };
}

async function start(options: object, more: object = {}): Promise<Started> {
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, JSON.stringify({ options, ...more })], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const complaints = { text: '' };
  child.stderr.on('data', (chunk: Buffer) => (complaints.text += chunk));
  const ended = once(child, 'close');
  const lines: Started['lines'] = [];
  const reader = createInterface(child.stdout);
  const [first] = (await once(reader, 'line')) as [string];
  reader.on('line', (line) => lines.push(JSON.parse(line)));
  return { child, ...(JSON.parse(first) as Pick<Started, 'ports'>), ended, lines, complaints };
}

const openRaw = (port: number) => RawPeer.open({ endpoint: { host: '127.0.0.1', port } });

/** Its connection stays there for more requests. */
async function askKeepingAlive({ ports: [port] }: Started, path: string): Promise<string> {
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const [response] = (await once(get({ host: '127.0.0.1', port, path, agent }), 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += chunk;
  return body;
}

/** A client that sends numbers until it is told to close. */
async function openSender(port: number, name: string): Promise<{ sent: string[]; closed: Promise<[number, string]> }> {
  const socket = new Ws(`ws://127.0.0.1:${port}/`);
  const sent: string[] = [];
  const send = () => {
    if (socket.readyState !== Ws.OPEN) return;
    sent.push(`${name} ${sent.length}`);
    socket.send(sent.at(-1)!, () => setImmediate(send));
  };
  const end = new Promise<[number, string]>((resolve) =>
    socket.on('close', (code, reason) => resolve([code, String(reason)])),
  );
  await once(socket, 'open');
  send();
  while (sent.length < 10) await new Promise((resolve) => setImmediate(resolve));
  return { sent, closed: end };
}

describe('drainOnSignal', () => {
  it('§7.4.1 at SIGTERM tells everyone, loses no message, and ends the process with 0', async () => {
    const program = await start({ code: 1012, reason: 'update', spreadMs: 50 }, { isHeld: true });
    const clients = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => openSender(program.ports[i % 2]!, `client ${i}`)));
    program.child.kill('SIGTERM');
    for (const client of clients) expect(await client.closed).toEqual([1012, 'update']);
    expect(await program.ended).toEqual([0, null]);
    const [{ counts, messages }] = program.lines as [Started['lines'][0]];
    expect(counts).toEqual({ closed: 6, terminated: 0, refused: 0 });
    expect(messages.sort()).toEqual(clients.flatMap(({ sent }) => sent).sort());
    expect(program.complaints.text).toBe('');
  });

  it.each([true, false])(
    'is bounded: silent peers and requests without an answer do not hold it up, with exits: %s',
    async (exits) => {
      const program = await start({ timeoutMs: 100, exits });
      const peers = [await openRaw(program.ports[0]), await openRaw(program.ports[1])];
      const request = get({ host: '127.0.0.1', port: program.ports[0], path: '/never' });
      const cut = once(request, 'error');
      await once(request, 'socket');
      program.child.kill('SIGTERM');
      for (const peer of peers) expect(await peer.frame()).toBe(closed(1001));
      await cut;
      expect(await program.ended).toEqual([0, null]);
      expect(program.lines[0]!.counts).toEqual({ closed: 0, terminated: 2, refused: 0 });
    },
  );

  it('leaves the HTTP server open for as long as it drains, and its idle connections do not hold the process', async () => {
    const program = await start({ timeoutMs: NEVER_MS });
    const peer = await openRaw(program.ports[0]);
    program.child.kill('SIGTERM');
    expect(await peer.frame()).toBe(closed(1001));
    expect(await askKeepingAlive(program, '/')).toBe('here');
    peer.socket.destroy();
    expect(await program.ended).toEqual([0, null]);
  });

  it('waits for requests that are there, and not for the idle connection that one leaves', async () => {
    const program = await start({ timeoutMs: NEVER_MS });
    const answer = askKeepingAlive(program, '/late');
    // It is there when another has been answered.
    expect(await askKeepingAlive(program, '/')).toBe('here');
    program.child.kill('SIGTERM');
    expect(await answer).toBe('late');
    expect(await program.ended).toEqual([0, null]);
  });

  it('a second signal ends the process at once', async () => {
    const program = await start({ timeoutMs: NEVER_MS });
    const peer = await openRaw(program.ports[1]);
    program.child.kill('SIGTERM');
    expect(await peer.frame()).toBe(closed(1001));
    program.child.kill('SIGINT');
    expect(await program.ended).toEqual([130, null]);
    expect(program.lines).toEqual([]);
  });

  it('keeps the process up until all is drained, and with exits: false no longer', async () => {
    const program = await start({ timeoutMs: NEVER_MS, spreadMs: 40, exits: false }, { isUnreferenced: true });
    const clients = [await openSender(program.ports[0], 'a'), await openSender(program.ports[1], 'b')];
    program.child.kill('SIGTERM');
    for (const client of clients) expect(await client.closed).toEqual([1001, '']);
    expect(await program.ended).toEqual([0, null]);
    expect(program.lines.map(({ counts }) => counts)).toEqual([{ closed: 2, terminated: 0, refused: 0 }]);
  });

  it('called for each server apart, ends the process when the last is drained', async () => {
    const program = await start({ timeoutMs: NEVER_MS }, { isSeparate: true });
    const peer = await openRaw(program.ports[1]);
    program.child.kill('SIGTERM');
    expect(await peer.frame()).toBe(closed(1001));
    while (program.lines.length < 1) await new Promise((resolve) => setImmediate(resolve));
    peer.send(text('still here'), Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]));
    expect(await program.ended).toEqual([0, null]);
    expect(program.lines.map(({ counts }) => counts)).toEqual([
      { closed: 0, terminated: 0, refused: 0 },
      { closed: 1, terminated: 0, refused: 0 },
    ]);
    expect(program.lines[1]!.messages).toEqual(['still here']);
  });

  it('says so, and ends with 1, when onDrained fails', async () => {
    const program = await start({}, { throwsBehind: true });
    program.child.kill('SIGTERM');
    expect(await program.ended).toEqual([1, null]);
    expect(program.complaints.text).toContain('no database');
  });

  it('taken back, leaves signals as they were', async () => {
    const program = await start({}, { isUndone: true });
    program.child.kill('SIGTERM');
    expect(await program.ended).toEqual([null, 'SIGTERM']);
  });

  it('listens to the signals it was told', async () => {
    const program = await start({ signals: ['SIGUSR2'] });
    program.child.kill('SIGUSR2');
    expect(await program.ended).toEqual([0, null]);
    expect(program.lines).toHaveLength(1);
  });

  const server = { drain: async () => ({ closed: 0, terminated: 0, refused: 0 }) };
  it.each<[servers: unknown, options: object | undefined, fault: string]>([
    [undefined, undefined, 'drainOnSignal() takes a WebSocketServer, what listen() gives, a server of node:http'],
    [[server, 8080], undefined, 'or a list of them, not the number 8080'],
    [server, { timeout: 1 }, 'drainOnSignal() has no option "timeout": did you mean "timeoutMs"?'],
    [server, { spreadMs: 20_000 }, 'drainOnSignal(): spreadMs (20000) must be at most timeoutMs (10000)'],
    [server, { signals: 'SIGTERM' }, 'signals must be a list of signals such as \'SIGTERM\'; got the string "SIGTERM"'],
    [server, { signals: ['SIGFOO'] }, 'signals must be a list of signals'],
    [server, { exits: 1 }, 'exits must be true or false'],
    [server, { onDrained: 1 }, 'onDrained must be a function'],
  ])('refuses %o with %o, and listens to nothing', (servers, options, fault) => {
    const before = process.listenerCount('SIGTERM');
    expect(() => drainOnSignal(servers as never, options)).toThrow(fault);
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});

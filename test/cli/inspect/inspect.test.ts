import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { echo, startServer } from '../../support/servers.ts';
import { outcomeOf, start } from '../framewright.ts';
import { runCaptured } from '../run-captured.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'framewright-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('framewright inspect, as a process', () => {
  it('passes connections on and shows every frame, here, in the page and in a file', async () => {
    const target = await startServer('node:net', {}, echo);
    const path = join(temporaryFolder(), 'saved.jsonl');
    const child = start(['inspect', target.url('/chat'), '--port', '0', '--save', path]);
    const outcome = outcomeOf(child);
    let said = '';
    child.stdout.on('data', (text: string) => {
      said += text;
    });
    const saysSoon = async (expression: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = expression.exec(said);
        if (found !== null) return found;
        await once(child.stdout, 'data');
      }
    };
    const [, url] = await saysSoon(/connect to (ws:\/\/127\.0\.0\.1:\d+\/chat), which leads to ws:\/\/127/);
    const [, pageUrl] = await saysSoon(/the page is at (\S+)\n/);

    const desk = (await (await fetch(`${pageUrl}desk.json`)).json()) as { events: string; address: string };
    expect(desk.address).toBe(url);
    const page = new WebSocket(new URL(desk.events, pageUrl!.replace('http', 'ws')));
    onTestFinished(() => page.terminate());
    await once(page, 'open');
    const firstEvent = once(page, 'message');

    const client = new WebSocket(url!);
    await once(client, 'open');
    client.send('through');
    expect(String((await once(client, 'message'))[0])).toBe('through');
    client.close(4000, 'done');
    expect((await once(client, 'close'))[0]).toBe(4000);
    expect(JSON.parse(String((await firstEvent)[0]))).toMatchObject({ type: 'opened', connection: 1 });

    await saysSoon(/#1 {3}closed\n/);
    child.kill('SIGINT');
    const { status, stdout, stderr } = await outcome;
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stderr).toContain('framewright: 1 connection, 4 frames, 0 faults\n');
    const lines = stdout.split('\n').map((line) => line.replace(/^[\d:.]+ +/, ''));
    expect(lines.filter((line) => /[→←]/.test(line) && !/GET|101/.test(line))).toEqual([
      '#1   → text              7 B  "through"',
      '#1   ← text              7 B  "through"',
      '#1   → close             6 B  4000 Private use "done"',
      '#1   ← close             6 B  4000 Private use "done"',
    ]);
    const types = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type as string);
    expect([types[0], types.at(-1), types.filter((type) => type === 'bytes').length >= 6]).toEqual([
      'opened',
      'ended',
      true,
    ]);
  });
});

describe('framewright inspect: what goes wrong', () => {
  const rows: [args: string[], message: string][] = [
    [[], 'give the server to pass connections on to, such as ws://localhost:8080, or --load and a file'],
    [['ws://a', '--load', 'b'], 'give the server to pass connections on to'],
    [['ws://a', 'ws://b'], 'there is one target; what is "ws://b"?'],
    [['ftp://a'], '"ftp://a" is no address of a WebSocket: write it as ws://host:port/path'],
    [['./sock'], '"./sock" is no address: a unix socket is written ws+unix:/path/of/socket:/resource'],
    [['ws://a', '--port', 'x'], '--port takes a whole number from 0 to 65535, not "x"'],
    [['ws://a', '--page', 'x'], '--page takes a whole number from 0 to 65535, not "x"'],
    [['ws://a', '--page', '1', '--no-page'], '--page and --no-page contradict each other'],
    [['ws://a', '--host', ''], '--host takes an address or a name'],
    [['ws://a', '--filter', 'txet'], '--filter does not know "txet": did you mean text?'],
    [['ws://a', '--save', '/no/where'], '--save: cannot write /no/where: ENOENT'],
    [['--load', '/no/where'], 'cannot read /no/where: ENOENT'],
    [['ws://a', '--tls-cert', 'x'], '--tls-cert goes with --tls-key: give both'],
    [['wss://a', '--ca', '/no/where'], '--ca: cannot read /no/where: ENOENT'],
    [['ws://a', '--verbose'], "Unknown option '--verbose'"],
  ];
  for (const [args, message] of rows) {
    it(args.join(' ') || 'nothing', async () => {
      const { status, stdout, stderr } = await runCaptured('inspect', ...args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain(`framewright: inspect: ${message}`);
    });
  }

  it('a port of the page that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const { status, stderr } = await runCaptured('inspect', 'ws://127.0.0.1:1', '--page', String(port));
    expect(status).toBe(1);
    expect(stderr).toContain(
      `the page: port ${port} on 127.0.0.1 is in use: stop whoever uses it, or choose another with --page`,
    );
  });

  it('a file with a fault ends with 1, and one that is none says where', async () => {
    const path = join(temporaryFolder(), 'a.jsonl');
    const bytes = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
    const event = { type: 'bytes', direction: 'clientToServer', atMs: 0 };
    writeFileSync(
      path,
      `${JSON.stringify({ ...event, hex: bytes('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n') })}\n`,
    );
    const shown = await runCaptured('inspect', '--load', path);
    expect(shown.status).toBe(1);
    expect(shown.stdout).toContain('! RFC 6455 §4.2.1: ');
    writeFileSync(path, 'x\n');
    const none = await runCaptured('inspect', '--load', path);
    expect(none.status).toBe(2);
    expect(none.stderr).toContain(`${path}, line 1: no JSON`);
  });
});

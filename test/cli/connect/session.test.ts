import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Session, type SessionOptions } from '../../../src/cli/connect/session.ts';
import { notesOf, readWireFile } from '../../../src/cli/inspect/wire-file.ts';
import type { WebSocket } from '../../../src/index.ts';
import { echo, type ServerSetup, startServer } from '../../support/servers.ts';
import { runCaptured } from '../run-captured.ts';

/** A stream that stands for one of the standard ones, and what was written to it. */
class FakeStream extends PassThrough {
  readonly isTTY: boolean;
  columns = 100;
  said = '';
  #wake = () => {};

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  listen(): this {
    this.on('data', (data) => {
      this.said += data;
      this.#wake();
    });
    return this;
  }

  async has(text: string, times = 1): Promise<void> {
    while (this.said.split(text).length <= times) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

const DEFAULTS: Omit<SessionOptions, 'url'> = {
  protocols: [],
  client: {},
  messages: [],
  input: 'lines',
  isBinary: false,
  output: 'lines',
  count: undefined,
  timeoutMs: undefined,
  waitMs: undefined,
  isQuiet: false,
  isFull: false,
  historyPath: undefined,
};

async function listenAt(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Started {
  readonly stdin: FakeStream;
  readonly stdout: FakeStream;
  readonly stderr: FakeStream;
  readonly status: Promise<number>;
}

function start(url: string, options: Partial<SessionOptions> = {}, isTerminal = false): Started {
  const [stdin, stdout, stderr] = [isTerminal, isTerminal, isTerminal].map((isTTY) => new FakeStream(isTTY));
  const streams = { stdin: stdin!, stdout: stdout!.listen(), stderr: stderr!.listen() };
  const session = new Session({ url, ...DEFAULTS, ...options }, {
    ...streams,
    paint: (text: string) => text,
  } as never as ConstructorParameters<typeof Session>[1]);
  return { ...streams, status: session.run() };
}

const NO_BACKLOG: ServerSetup = { net: { maxBacklogBytes: Number.POSITIVE_INFINITY } };

async function serve(onConnection: (socket: WebSocket) => void = echo, setup: ServerSetup = {}) {
  const server = await startServer('node:net', setup, onConnection);
  return { url: server.url(), server };
}

describe('connect in a pipe', () => {
  it('sends lines and prints messages, each a line, and says everything else elsewhere', async () => {
    const { url } = await serve();
    const { stdin, stdout, stderr, status } = start(url, { count: 3, messages: ['first'] });
    stdin.write('one\ntwo\nthree\n');
    expect(await status).toBe(0);
    expect(stdout.said).toBe('first\none\ntwo\n');
    expect(stderr.said).toMatch(/^connected to ws:.* ms\nclosed after .*: 1000 Normal Closure; \d sent, 3 received\n$/);
  });

  it('ends when nothing has come for a while behind the end of the input', async () => {
    const { url } = await serve();
    const { stdin, stdout, status } = start(url, { waitMs: 50 });
    stdin.end('one\ntwo');
    expect(await status).toBe(0);
    // Answers stand in front of the server's Close frame, however long they take.
    expect(stdout.said).toBe('one\ntwo\n');
  });

  const codes: [code: number, status: number][] = [
    [1000, 0],
    [1001, 11],
    [1011, 21],
    [3456, 30],
    [4321, 40],
  ];
  for (const [code, status] of codes) {
    it(`§7.4 ends with ${status} when the server closes with ${code}`, async () => {
      const { url } = await serve((socket) => socket.close(code, 'so\u001b'));
      const started = start(url);
      expect(await started.status).toBe(status);
      expect(started.stderr.said).toContain(`: ${code} `);
      expect(started.stderr.said).not.toContain('\u001b');
    });
  }

  it('ends with 16 when the connection is cut, and with 4 when too little has come', async () => {
    const { url } = await serve((socket) => socket.terminate());
    expect(await start(url).status).toBe(16);
    const short = await serve((socket) => {
      socket.send('one');
      socket.close(1000);
    });
    const { status, stderr } = start(short.url, { count: 2 });
    expect(await status).toBe(4);
    expect(stderr.said).toContain('--count: it ended behind 1 of 2 messages\n');
    expect(await start(short.url, { count: 1 }).status).toBe(0);
  });

  it('ends with 3 when --timeout has passed', async () => {
    const { url } = await serve();
    const { status, stderr } = start(url, { timeoutMs: 20 });
    expect(await status).toBe(3);
    expect(stderr.said).toContain('--timeout: no end after 0.02 s');
  });

  it('hex that is none ends it, with the line', async () => {
    const { url } = await serve();
    const { stdin, status, stderr } = start(url, { input: 'hex' });
    stdin.end('00\nzz\n');
    expect(await status).toBe(2);
    expect(stderr.said).toContain('line 2 of standard input: "z"');
  });

  it('§10.4 reads no more from the server than whoever reads its output takes', async () => {
    const message = Buffer.alloc(1024 * 1024, 'x');
    const count = 64;
    const { url, server } = await serve((socket) => {
      for (let i = 0; i < count; i++) socket.send(message);
      socket.close(1000);
    }, NO_BACKLOG);
    const stdout = new FakeStream(false);
    const stderr = new FakeStream(false).listen();
    const session = new Session({ url, ...DEFAULTS, output: 'raw' }, {
      stdin: new FakeStream(false),
      stdout,
      stderr,
      paint: (text: string) => text,
    } as never as ConstructorParameters<typeof Session>[1]);
    const status = session.run();
    while (!stdout.writableNeedDrain) await new Promise(setImmediate);
    // Much longer than it takes to read what there is.
    for (let i = 0; i < 300; i++) await new Promise(setImmediate);
    expect(stdout.writableLength + stdout.readableLength).toBeLessThan((count / 2) * message.length);
    expect(server.connections[0]!.bufferedAmount).toBeGreaterThan(0);
    let length = 0;
    stdout.on('data', (data: Buffer) => {
      length += data.length;
    });
    expect(await status).toBe(0);
    expect(length).toBe(count * message.length);
  });

  it('says what was agreed on, and sends what was asked for', async () => {
    let asked: string[] = [];
    const { url } = await serve((socket) => socket.close(1000), {
      net: {
        subprotocols: ['chat'],
        perMessageDeflate: true,
        authorize: ({ rawHeaders }) => {
          asked = [...rawHeaders];
          return true;
        },
      },
    });
    const { status, stderr } = start(url, {
      protocols: ['chat'],
      client: { headers: { 'X-A': '1' }, origin: 'http://o', auth: 'u:p' },
    });
    expect(await status).toBe(0);
    expect(stderr.said).toContain('subprotocol chat, permessage-deflate');
    expect(asked).toContain('X-A');
    expect(asked).toContain('http://o');
    expect(asked).toContain(`Basic ${Buffer.from('u:p').toString('base64')}`);
  });
});

describe('connect: what goes wrong before it is open', () => {
  const refusals: [status: number, body: string, said: string][] = [
    [401, 'who\u001b?', 'answered 401 Unauthorized: it wants to know who asks: give --auth user:password'],
    [404, '', 'answered 404 Not Found: there is nothing at this path'],
    [418, 'tea', 'answered 418\n  tea'],
  ];
  for (const [code, body, said] of refusals) {
    it(`the server answers ${code}`, async () => {
      const { url } = await serve(undefined, { net: { authorize: () => ({ status: code, body }) } });
      const { status, stderr } = start(url);
      expect(await status).toBe(1);
      expect(stderr.said.toLowerCase()).toContain(said.toLowerCase());
      expect(stderr.said).not.toContain('\u001b');
    });
  }

  it('nobody listens', async () => {
    const { url, server } = await serve();
    await server.server.close();
    const { status, stderr } = start(url);
    expect(await status).toBe(1);
    expect(stderr.said).toContain(`nobody listens at ${url}: is the server running, and is that its port?`);
  });

  it('the proxy is not there, what is there speaks something else, or says nothing', async () => {
    const { url, server } = await serve();
    const proxy = url.replace('ws:', 'http:').replace(/\/$/, '');
    await server.server.close();
    const through = start('ws://me:secret@127.0.0.1:1/', { client: { proxy } });
    expect(await through.status).toBe(1);
    expect(through.stderr.said).toContain(`The proxy ${new URL(proxy).host} could not be used: connect ECONNREFUSED`);

    const greeter = createServer((socket) => socket.on('error', () => {}).end('220 mail\r\n'));
    const silent = createServer((socket) => socket.on('error', () => {}));
    const places = await Promise.all([greeter, silent].map(listenAt));
    const talking = start(`ws://me:secret@${places[0]}/`);
    expect(await talking.status).toBe(1);
    expect(talking.stderr.said).toContain(`ws://${places[0]}/ does not speak HTTP (`);
    const waiting = start(`ws://me:secret@${places[1]}/`, { timeoutMs: 20 });
    expect(await waiting.status).toBe(3);
    expect(waiting.stderr.said).toContain(`--timeout: no answer from ws://${places[1]}/ after 0.02 s`);
  });

  const rows: [args: string[], message: string][] = [
    [[], 'give the address of a WebSocket, such as ws://localhost:8080/path'],
    [['ws://a', 'b'], 'there is one address; what is "b"?'],
    [['ftp://a'], 'The URL\'s protocol must be one of "ws:"'],
    [['./sock'], '"./sock" is no address: a unix socket is written ws+unix:/path/of/socket:/resource'],
    [['ws://a', '-H', 'x'], '--header: "x" is no header field: write it "Name: value"'],
    [['ws://a', '-H', 'a b: c'], 'Header name must be a valid HTTP token'],
    [['ws://a', '--subprotocol', 'a b'], 'An invalid or duplicated subprotocol was specified'],
    [['ws://a', '--auth', 'me'], '--auth takes user name and password with a colon between them'],
    [['ws://a', '--deflate', '--no-deflate'], '--deflate and --no-deflate contradict each other'],
    [['ws://a', '--proxy', 'socks5://x'], '--proxy takes the address of an HTTP proxy: --proxy http://host:port'],
    [['ws://a', '--count', '0'], '--count takes a whole number from 1 to'],
    [['ws://a', '--timeout', 'soon'], '--timeout takes seconds from 0 to 86400, not "soon"'],
    [['ws://a', '--wait=-1'], '--wait takes seconds from 0 to 86400, not "-1"'],
    [['ws://a', '--input', 'xml'], '--input takes lines, hex, whole, not "xml"'],
    [['ws://a', '--output', 'xml'], '--output takes lines, json, raw, not "xml"'],
    [['ws://a', '--http2', '--frames'], '--frames goes with HTTP/1.1 only: leave --http2 away'],
    [['ws://a', '--cert', 'a'], '--cert goes with --key: give both'],
    [['ws://a', '--ca', '/no/where'], '--ca: cannot read /no/where: ENOENT'],
    [['ws://a', '--ca', '/dev/null'], '--ca: /dev/null is no PEM file'],
    [['ws://a', '--record', '/no/where'], '--record: cannot write /no/where: ENOENT'],
    [['ws://a', '--frobnicate'], "Unknown option '--frobnicate'\n"],
    [['ws://a', '--recrd', 'x'], "Unknown option '--recrd': did you mean --record?"],
  ];
  for (const [args, message] of rows) {
    it(args.join(' ') || 'nothing', async () => {
      const { status, stdout, stderr } = await runCaptured('connect', ...args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain(`framewright: connect: ${message}`);
    });
  }
});

describe('connect at a terminal', () => {
  it('§5.5 talks, pings and closes; what comes stands above the line that is being typed', async () => {
    const { url } = await serve();
    const { stdin, stdout, stderr, status } = start(url, {}, true);
    await stderr.has('> ');
    stdin.write('hello\r');
    await stdout.has('← hello');
    expect(stdout.said).toMatch(/← hello {2}\([\d.]+ ms after yours\)\n/);
    stdin.write('/hex 00 ff\r');
    await stdout.has('← binary, 2 B: 00 ff');
    stdin.write('/fragments a b\r');
    await stdout.has('← ab');
    stdin.write('/ping tick\r');
    await stderr.has('← pong "tick" after ');
    stdin.write('/nonsense\r');
    await stderr.has('there is no command /nonsense');
    stdin.write('/status\r');
    await stderr.has('3 messages sent, 3 received');
    stdin.write('/help\r');
    await stderr.has('/terminate');
    stdin.write('/close 4001 bye\r');
    expect(await status).toBe(0);
    expect(stderr.said).toContain('4001 Private use "bye"');
  });

  it('is safe from what a server sends, also in pings', async () => {
    const { url } = await serve((socket) => {
      socket.send('\u001b[2J\u0007 end');
      socket.ping('\u001b]0;x\u0007');
    });
    const { stdin, stdout, stderr, status } = start(url, {}, true);
    await stdout.has('\\u001b[2J\\u0007 end');
    await stderr.has('← ping "\\u001b]0;x\\u0007", answered');
    expect(stdout.said + stderr.said).not.toMatch(/\u001b\[2J\u0007|\u001b\]/);
    stdin.write('\u0004');
    expect(await status).toBe(0);
  });

  it('edits a line, and has those of earlier runs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'framewright-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const historyPath = join(folder, 'history');
    writeFileSync(historyPath, 'earlier\n');
    const { url } = await serve();
    const { stdin, stdout, stderr, status } = start(url, { historyPath }, true);
    await stderr.has('> ');
    stdin.write('\u001b[A');
    stdin.write('\r');
    await stdout.has('← earlier');
    stdin.write('Xabc\u0001\u001b[3~\r');
    await stdout.has('← abc');
    stdin.write('/close 1000\r');
    expect(await status).toBe(0);
    expect(readFileSync(historyPath, 'utf8')).toBe('earlier\nabc\n/close 1000\n');
  });

  it('Ctrl-C closes, and cuts the connection when that is not answered', async () => {
    const { url } = await serve((socket) => socket.pause());
    const { stdin, stderr, status } = start(url, {}, true);
    await stderr.has('> ');
    stdin.write('\u0003');
    await stderr.has('closing; Ctrl-C once more cuts the connection');
    stdin.write('\u0003');
    expect(await status).toBe(16);
  });

  it('sends files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'framewright-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'a'), 'content');
    const { url } = await serve();
    const { stdin, stdout, stderr, status } = start(url, {}, true);
    await stderr.has('> ');
    stdin.write(`/textfile ${join(folder, 'a')}\r`);
    await stdout.has('← content');
    stdin.write(`/file ${join(folder, 'none')}\r`);
    await stderr.has('cannot read');
    stdin.write('/terminate\r');
    expect(await status).toBe(16);
  });
});

describe('connect --record', () => {
  it('writes down all that passed on the wire, for inspect --load', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'framewright-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'a.jsonl');
    const { url } = await serve((socket) => {
      socket.send('from the server');
      socket.close(1000);
    });
    const said = await runCaptured('connect', url, '--record', path, '--frames', '--no-proxy', '-m', 'hi');
    expect(said.status).toBe(0);
    expect(said.stderr).toMatch(/← text +15 B {2}"from the server"/);
    const types = [...notesOf(readWireFile(path))].map(({ type }) => type);
    expect([types[0], types.at(-1)]).toEqual(['opened', 'ended']);
    const shown = await runCaptured('inspect', '--load', path);
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/→ GET \/.*\n.*← 101 Switching Protocols[\s\S]*→ text +2 B {2}"hi"/);
    expect(shown.stdout).toMatch(/← text +15 B {2}"from the server"/);
    expect(shown.stdout).toMatch(/← close +2 B {2}1000 Normal Closure/);
  });
});

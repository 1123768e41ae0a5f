import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ForwarderOptions, startForwarder, type Trouble } from '../../../src/cli/inspect/forwarder.ts';
import { type Note, NoteWriter, readNotes } from '../../../src/cli/inspect/notes.ts';
import { ignoreError } from '../../support/ignore-error.ts';
import { testCertificate, unixSocketPath } from '../../support/servers.ts';

const HERE = { host: '127.0.0.1', port: 0 };

/** What has been written down; `next` is the first note, past or to come, that fits. */
class Notebook {
  readonly notes: Note[] = [];
  readonly writer: NoteWriter = new NoteWriter((block) => {
    this.notes.push(...readNotes(block));
    this.writer.read(block.slice());
    for (const look of [...this.#waiting]) look();
  });
  readonly #waiting = new Set<() => void>();

  next(fits: (note: Note) => boolean): Promise<Note> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.notes.find(fits);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  length(connection: number): number {
    return this.notes.reduce(
      (sum, note) => sum + (note.type === 'bytes' && note.connection === connection ? note.bytes.length : 0),
      0,
    );
  }

  bytes(connection: number, direction: string): Buffer {
    return Buffer.concat(
      this.notes.flatMap((note) =>
        note.type === 'bytes' && note.connection === connection && note.direction === direction ? [note.bytes] : [],
      ),
    );
  }
}

/** A target that hands its connections out, and a forwarder to it. */
async function startPair(options: Partial<ForwarderOptions> = {}) {
  const arrived: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const target = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', ignoreError);
    onTestFinished(() => void socket.destroy());
    const next = waiting.shift();
    if (next === undefined) arrived.push(socket);
    else next(socket);
  });
  target.listen(HERE);
  await once(target, 'listening');
  onTestFinished(() => void target.close());
  const { port } = target.address() as AddressInfo;
  const { book, port: forwarderPort } = await forward({ target: { host: '127.0.0.1', port }, ...options });
  const nextAtTarget = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = arrived.shift();
      if (socket === undefined) waiting.push(resolve);
      else resolve(socket);
    });
  return { book, port: forwarderPort, target, nextAtTarget };
}

async function forward(options: Omit<ForwarderOptions, 'listen'>) {
  const book = new Notebook();
  const server = await startForwarder({ listen: HERE, ...options }, book.writer);
  onTestFinished(() => void server.close());
  return { book, port: (server.address() as AddressInfo).port };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  socket.on('error', ignoreError);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** So many bytes, and then paused. */
async function read(socket: Socket, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let missing = length;
  await new Promise<void>((resolve) => {
    socket.on('data', function take(part: Buffer) {
      parts.push(part);
      missing -= part.length;
      if (missing > 0) return;
      socket.off('data', take);
      resolve();
    });
  });
  return Buffer.concat(parts);
}

async function readToEnd(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  await once(socket, 'end');
  return Buffer.concat(parts);
}

/** The code of what a socket ends with. */
async function errorOf(socket: Socket): Promise<string | undefined> {
  await new Promise((resolve) => socket.resume().once('close', resolve));
  return (socket.errored as NodeJS.ErrnoException | null)?.code;
}

describe('the forwarder', () => {
  it('passes bytes on both ways as they come, whatever they are, and writes them down', async () => {
    const { book, port, nextAtTarget } = await startPair();
    const client = await open(port);
    const server = await nextAtTarget();
    const up = Buffer.from([0, 255, 10, 13, 0, 129]);
    client.write(up);
    expect(await read(server, up.length)).toEqual(up);
    const down = Buffer.alloc(300_000, 'abc');
    server.write(down);
    expect((await read(client, down.length)).equals(down)).toBe(true);
    client.end();
    server.end();
    await book.next(({ type }) => type === 'ended');
    expect(book.bytes(1, 'clientToServer')).toEqual(up);
    expect(book.bytes(1, 'serverToClient').equals(down)).toBe(true);
    expect(book.notes.map(({ type }) => type).filter((type) => type !== 'bytes')).toEqual([
      'opened',
      'finished',
      'finished',
      'ended',
    ]);
  });

  for (const first of ['client', 'server'] as const) {
    it(`the ${first} ends its half, and the other goes on`, async () => {
      const { port, nextAtTarget } = await startPair();
      const client = await open(port);
      const server = await nextAtTarget();
      const [ending, going] = first === 'client' ? [client, server] : [server, client];
      ending.end('last words');
      expect(String(await readToEnd(going))).toBe('last words');
      going.write('heard');
      expect(String(await read(ending, 5))).toBe('heard');
      going.end('now I');
      expect(String(await readToEnd(ending))).toBe('now I');
    });

    it(`the ${first} resets, and the other is reset`, async () => {
      const { book, port, nextAtTarget } = await startPair();
      const client = await open(port);
      const server = await nextAtTarget();
      const [resetting, other] = first === 'client' ? [client, server] : [server, client];
      resetting.write('x');
      await read(other, 1);
      const error = errorOf(other);
      resetting.resetAndDestroy();
      expect(await error).toBe('ECONNRESET');
      const { text } = (await book.next(({ type }) => type === 'cut')) as Note & { type: 'cut' };
      const side = first === 'client' ? 'client' : 'target';
      expect(JSON.parse(text)).toMatchObject({ side, wasOpen: true, code: 'ECONNRESET' } satisfies Partial<Trouble>);
    });
  }

  it('nobody at the target: the client is reset, and it is said why', async () => {
    const { book, port, target } = await startPair();
    target.close();
    const client = await open(port);
    expect(await errorOf(client)).toBe('ECONNRESET');
    const { text } = (await book.next(({ type }) => type === 'cut')) as Note & { type: 'cut' };
    expect(JSON.parse(text)).toMatchObject({ side: 'target', wasOpen: false, code: 'ECONNREFUSED' });
  });

  it('§10.4 takes no more from one side than the other takes, and keeps what waits', async () => {
    const { book, port, nextAtTarget } = await startPair();
    const client = await open(port);
    const server = await nextAtTarget();
    const chunk = Buffer.from(Uint32Array.from({ length: 256 * 1024 }, (_, i) => i).buffer);
    const total = 48 * chunk.length;
    for (let sent = 0; sent < total; sent += chunk.length) client.write(chunk);
    // Another connection goes there and back meanwhile, as often as would have been enough.
    const witness = await open(port);
    const echo = await nextAtTarget();
    echo.pipe(echo);
    for (let i = 0; i < 500; i++) {
      witness.write('x');
      await read(witness, 1);
    }
    expect(book.length(1)).toBeLessThan(total / 2);
    let length = 0;
    let isSame = true;
    server.on('data', (part: Buffer) => {
      const from = length % chunk.length;
      const end = Math.min(from + part.length, chunk.length);
      isSame &&= part.compare(chunk, from, end, 0, end - from) === 0;
      isSame &&= part.compare(chunk, 0, part.length - (end - from), end - from) === 0;
      length += part.length;
    });
    client.end();
    await once(server, 'end');
    expect([length, isSame]).toEqual([total, true]);
  });

  it('several connections at once, each by itself', async () => {
    const { book, port, nextAtTarget } = await startPair();
    const clients: Socket[] = [];
    for (const name of ['a', 'b', 'c']) {
      const client = await open(port);
      clients.push(client);
      const server = await nextAtTarget();
      server.pipe(server);
      client.write(name);
    }
    expect(String(Buffer.concat(await Promise.all(clients.map((client) => read(client, 1)))))).toBe('abc');
    for (const client of clients) client.end();
    await book.next((note) => note.type === 'ended' && note.connection === 3);
    expect([1, 2, 3].map((number) => String(book.bytes(number, 'serverToClient')))).toEqual(['a', 'b', 'c']);
  });

  it('a connection of which too much is unread is missed, and goes on', async () => {
    const target = createServer((socket) => socket.on('error', ignoreError).pipe(socket)).listen(HERE);
    await once(target, 'listening');
    onTestFinished(() => void target.close());
    const notes: string[] = [];
    const writer = {
      tell: (type: string) => void notes.push(type),
      finished: () => {},
      bytes: () => {
        notes.push('bytes');
        return false;
      },
    } as unknown as NoteWriter;
    const { port } = target.address() as AddressInfo;
    const server = await startForwarder({ listen: HERE, target: { host: '127.0.0.1', port } }, writer);
    onTestFinished(() => void server.close());
    const client = await open((server.address() as AddressInfo).port);
    for (const text of ['one', 'two']) {
      client.write(text);
      expect(String(await read(client, 3))).toBe(text);
    }
    expect(notes).toEqual(['opened', 'bytes', 'missed']);
  });
});

describe('the forwarder with TLS', () => {
  it('§10.6 on both sides, with half-closed connections', async () => {
    const tls = await testCertificate();
    const target = createTlsServer({ ...tls, allowHalfOpen: true }, (socket) => {
      socket.on('data', (data) => socket.write(data));
      socket.on('end', () => socket.end('bye'));
    }).listen(HERE);
    await once(target, 'listening');
    onTestFinished(() => void target.close());
    const { port: targetPort } = target.address() as AddressInfo;
    const { book, port } = await forward({
      tls,
      target: { host: '127.0.0.1', port: targetPort, tls: { ca: tls.cert } },
    });
    const raw = await open(port);
    const client = connectTls({
      socket: raw,
      ca: tls.cert,
      servername: 'localhost',
      ALPNProtocols: ['http/1.1', 'h2'],
    });
    await once(client, 'secureConnect');
    expect(client.alpnProtocol).toBe('http/1.1');
    client.write('secret');
    expect(String(await read(client, 6))).toBe('secret');
    client.end();
    expect(String(await readToEnd(client))).toBe('bye');
    await book.next(({ type }) => type === 'ended');
    expect(String(book.bytes(1, 'serverToClient'))).toBe('secretbye');
  });

  it('§10.6 a target whose certificate nobody vouches for gets no bytes', async () => {
    const tls = await testCertificate();
    const target = createTlsServer(tls, () => expect.unreachable()).listen(HERE);
    target.on('tlsClientError', ignoreError);
    await once(target, 'listening');
    onTestFinished(() => void target.close());
    const { port: targetPort } = target.address() as AddressInfo;
    const { book, port } = await forward({ target: { host: '127.0.0.1', port: targetPort, tls: {} } });
    const client = await open(port);
    expect(await errorOf(client)).toBe('ECONNRESET');
    const { text } = (await book.next(({ type }) => type === 'cut')) as Note & { type: 'cut' };
    expect(JSON.parse(text)).toMatchObject({ side: 'target', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  it('a client that speaks no TLS ends alone', async () => {
    const tls = await testCertificate();
    const { book, port } = await forward({ tls, target: { host: '127.0.0.1', port: 1 } });
    const client = await open(port);
    client.write('GET / HTTP/1.1\r\n\r\n');
    await errorOf(client);
    const { text } = (await book.next(({ type }) => type === 'cut')) as Note & { type: 'cut' };
    expect(JSON.parse(text)).toMatchObject({ side: 'client', wasOpen: false });
  });

  it('a unix socket as the target', async () => {
    const path = await unixSocketPath();
    const target = createServer((socket) => socket.pipe(socket)).listen(path);
    await once(target, 'listening');
    onTestFinished(() => void target.close());
    const { port } = await forward({ target: { host: '', port: 80, socketPath: path } });
    const client = await open(port);
    client.end('there and back');
    expect(String(await readToEnd(client))).toBe('there and back');
  });
});

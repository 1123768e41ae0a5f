import { Agent, createServer as createHttpsServer } from 'node:https';
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CLIENTS, connect, opened, run } from '../support/clients.ts';
import { acceptance, startRawServer } from '../support/raw-server.ts';
import { testCertificate, unixSocketPath } from '../support/servers.ts';

const CLOSE = ['close', 1006, ''];

async function startSecure() {
  const certificate = await testCertificate();
  const server = await startRawServer((head) => acceptance(head), { tls: certificate });
  return { ca: certificate.cert, tls: certificate, server, named: `wss://localhost:${server.port}/` };
}

describe.each(CLIENTS)('%s: wss', (_name, Client) => {
  it('§4.1 TLS first, with the name of the host (SNI); none for an address', async () => {
    const { ca, server, named } = await startSecure();
    const socket = connect(Client, named, { ca, family: 4 });
    await opened(socket);
    expect((server.sockets[0] as TLSSocket & { servername: unknown }).servername).toBe('localhost');
    expect((socket._socket as TLSSocket).authorized).toBe(true);
    await opened(connect(Client, server.url(), { ca }));
    expect((server.sockets[1] as TLSSocket & { servername: unknown }).servername).toBe(false);
    await opened(connect(Client, named.replace('wss', 'https'), { ca, family: 4 }));
  });

  it('servername, checkServerIdentity, rejectUnauthorized', async () => {
    const { ca, server, named } = await startSecure();
    const options = { ca, servername: 'localhost' };
    await opened(connect(Client, server.url(), options));
    let asked = '';
    const checkServerIdentity = (host: string) => {
      asked = host;
      return new Error('not this one');
    };
    expect(await run(Client, named, { ca, family: 4, checkServerIdentity })).toEqual([
      ['error', 'not this one'],
      CLOSE,
    ]);
    expect(asked).toBe('localhost');
    await opened(connect(Client, named, { family: 4, rejectUnauthorized: false }));
  });

  it('a tls.connect that a tool has replaced is the one used', async () => {
    const { ca, named } = await startSecure();
    const original = tls.connect;
    onTestFinished(() => {
      tls.connect = original;
    });
    let options: ConnectionOptions | undefined;
    tls.connect = ((given: ConnectionOptions) => {
      options = given;
      return original(given);
    }) as typeof tls.connect;
    await opened(connect(Client, named, { ca, family: 4, servername: '', checkServerIdentity: () => undefined }));
    expect(options?.servername).toBe('');
  });

  it('§4.1 a certificate that nobody trusts fails the connection', async () => {
    const { named, server } = await startSecure();
    expect(await run(Client, named, { family: 4 })).toEqual([
      ['error', expect.stringMatching(/^self-signed certificate/)],
      CLOSE,
    ]);
    expect(server.heads).toEqual([]);
  });

  it('§4.1 a certificate for another name fails the connection', async () => {
    const { ca, server } = await startSecure();
    const [error, close] = await run(Client, server.url(), { ca, servername: 'other.example' });
    expect(error![1]).toMatch(/^Hostname\/IP does not match certificate's altnames/);
    expect(close).toEqual(CLOSE);
  });

  it('a server that speaks no TLS', async () => {
    const plain = await startRawServer((head) => acceptance(head));
    const [error, close] = await run(Client, plain.url().replace('ws:', 'wss:'), { handshakeTimeout: 300 });
    expect(error![0]).toBe('error');
    expect(close).toEqual(CLOSE);
  });

  it('an agent of the user', async () => {
    const { ca, server } = await startSecure();
    const agent = new Agent({ ca });
    await opened(connect(Client, server.url(), { agent }));
    agent.destroy();
  });

  it('an agent for the other protocol throws', async () => {
    expect(() => new Client('ws://127.0.0.1:1/', { agent: new Agent() })).toThrow(/Protocol "http:" not supported/);
  });

  it('client certificates', async () => {
    const tls = await testCertificate();
    const server = createHttpsServer({ ...tls, ca: tls.cert, requestCert: true, rejectUnauthorized: true });
    server.on('upgrade', (request, socket) => {
      socket.end(acceptance(`Sec-WebSocket-Key: ${request.headers['sec-websocket-key']}\r\n`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const options = { ca: tls.cert, ...tls };
    expect(await run(Client, `wss://127.0.0.1:${port}/`, options)).toEqual([['open', ''], CLOSE]);
    server.close();
  });
});

describe.each(CLIENTS)('%s: unix sockets', (_name, Client) => {
  it.each([
    ['', '/'],
    [':/chat?x=1', '/chat?x=1'],
  ])('ws+unix:/socket%s', async (suffix, target) => {
    const socketPath = await unixSocketPath();
    const server = await startRawServer((head) => acceptance(head), { socketPath });
    const socket = connect(Client, `ws+unix:${socketPath}${suffix}`);
    await opened(socket);
    expect(server.heads[0]).toContain(`GET ${target} HTTP/1.1\r\n`);
    expect(server.heads[0]).toContain('\r\nHost: localhost\r\n');
    expect(socket.url).toBe(`ws+unix:${socketPath}${suffix}`);
  });

  it('a socket that is not there', async () => {
    const socketPath = await unixSocketPath();
    expect(await run(Client, `ws+unix:${socketPath}`)).toEqual([['error', `connect ENOENT ${socketPath}`], CLOSE]);
  });
});

/** The fuzzer as server: what it says to clients, which cases it runs, how they end, and what it reports. */

import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { selfSignedCertificate } from '../../src/cli/self-signed.ts';
import { dial } from '../../src/conformance/dial.ts';
import {
  type CaseResult,
  type FuzzingServer,
  type FuzzingServerOptions,
  startFuzzingServer,
} from '../../src/conformance/index.ts';
import { buildUpgradeRequest } from '../../src/handshake/index.ts';
import { encodeFrame } from '../../src/protocol/index.ts';
import { ask, driveClient, type MakeClient } from './client-driver.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const makeClient: MakeClient = (url) => new WebSocket(url);

let server: FuzzingServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(options: FuzzingServerOptions): Promise<FuzzingServer> {
  server = await startFuzzingServer({ port: 0, ...options });
  return server;
}

/** Opens a connection, sends `frames` once there is an answer, and resolves to all that comes until the server ends it. */
function exchange(url: string, target: string, ...frames: readonly Uint8Array[]): Promise<Buffer> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const received: Buffer[] = [];
    socket.once('data', () => socket.write(Buffer.concat(frames)));
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(received)));
    socket.write(buildUpgradeRequest({ host, target, key: KEY }));
  });
}

const CLOSE_1000 = Uint8Array.of(0x03, 0xe8);
const maskedClose = encodeFrame(0x88, CLOSE_1000, 0x01020304);
const bodyOf = (response: Buffer): Buffer => response.subarray(response.indexOf('\r\n\r\n') + 4);

/** The result of one case whose client is `frames`, sent at once. */
async function resultOf(cases: string, ...frames: readonly Uint8Array[]): Promise<[CaseResult, Buffer]> {
  let result: CaseResult | undefined;
  const { url } = await start({ cases, onResult: (_agent, ended) => (result = ended) });
  const response = await exchange(url, '/runCase?case=1&agent=raw', ...frames);
  return [result!, bodyOf(response)];
}

describe('fuzzing server', () => {
  it('§5.1 says how many cases there are, unmasked, and closes', async () => {
    const { url } = await start({ cases: '6.*' });
    const response = await exchange(url, '/getCaseCount', maskedClose);
    expect(response.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
    expect(bodyOf(response).toString('hex')).toBe(`8103${Buffer.from('145').toString('hex')}8800`);
  });

  it('tells a case by its number in the list', async () => {
    const { url, cases } = await start({ cases: '7.1.1,2.1' });
    expect(cases.map(({ id }) => id)).toEqual(['2.1', '7.1.1']);
    expect(JSON.parse(await ask(makeClient, `${url}/getCaseInfo?case=2`))).toEqual({
      id: '7.1.1',
      description: cases[1]!.summary,
    });
  });

  it('takes a case by its id as well', async () => {
    const { url } = await start({ cases: '2.*', exclude: '2.1,2.2' });
    expect(JSON.parse(await ask(makeClient, `${url}/getCaseInfo?casetuple=2.10`))).toMatchObject({ id: '2.10' });
    expect(JSON.parse(await ask(makeClient, `${url}/getCaseInfo?case=1`))).toMatchObject({ id: '2.3' });
  });

  it.each([
    ['/', 404, 'There is no /: use /getCaseCount, /getCaseInfo, /runCase, /getCaseStatus, /updateReports, /stopServer'],
    ['/runCase?case=1', 400, 'Give the client a name: agent=name'],
    ['/runCase?agent=x', 400, 'Give the number of a case, 1 to 11, or its id: case=1, casetuple=2.1'],
    ['/runCase?case=0&agent=x', 400, 'Give the number of a case, 1 to 11, or its id: case=1, casetuple=2.1'],
    ['/runCase?case=12&agent=x', 400, 'Give the number of a case, 1 to 11, or its id: case=1, casetuple=2.1'],
    ['/getCaseInfo?case=1.1', 400, 'Give the number of a case, 1 to 11, or its id: case=1, casetuple=2.1'],
    ['/getCaseInfo?casetuple=1.1.1', 400, 'Give the number of a case, 1 to 11, or its id: case=1, casetuple=2.1'],
    ['/getCaseStatus?case=1', 400, 'Give the client a name: agent=name'],
    ['/updateReports', 400, 'Give the client a name: agent=name'],
  ])('refuses %s with %i', async (target, status, message) => {
    const { url } = await start({ cases: '2.*' });
    const response = (await exchange(url, target)).toString('latin1');
    expect(response).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(response.split('\r\n\r\n')[1]).toBe(`${message}\n`);
  });

  it.each([
    ['no request for a WebSocket', 'GET /getCaseCount HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 400 '],
    ['no HTTP', '\u0016\u0003\u0001\r\n', 'HTTP/1.1 400 '],
  ])('§4.2.1 refuses %s', async (_, request, status) => {
    const { url } = await start({ cases: '2.1' });
    const { hostname, port } = new URL(url);
    const response = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(request));
      socket.on('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
    });
    expect(response.startsWith(status)).toBe(true);
  });

  it('rejects when it cannot listen, or has nothing to run', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(startFuzzingServer({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await new Promise((resolve) => other.close(resolve));
    await expect(startFuzzingServer({ port: 0, cases: '8.*' })).rejects.toThrow(RangeError);
  });
});

describe('with TLS', () => {
  it.each([false, true])(
    'RFC 8441 §5 answers by a certificate that the client trusts, over HTTP/2: %s',
    async (http2) => {
      const tls = selfSignedCertificate();
      const { url } = await start({ cases: '2.*', tls, http2 });
      const { socket, handshake } = await dial({ url: `${url}/getCaseCount`, http2, ca: tls.cert });
      expect(handshake.response).toMatch(http2 ? /^:status: 200\r\n/ : /^HTTP\/1\.1 101 /);
      const said = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
      expect(said.toString('latin1', 2, 4)).toBe('11');
      socket.destroy();
      const refused = dial({ url, http2, rejectUnauthorized: true });
      await expect(refused).rejects.toThrow('--insecure');
    },
  );
});

describe('cases with the fuzzer as server', () => {
  it('§5.1 fail a client that does not mask', async () => {
    const [result] = await resultOf('1.1.2', encodeFrame(0x81, Buffer.from('x')), maskedClose);
    // The Close frame behind it is in order, and ends the connection cleanly.
    expect(result).toMatchObject({ behavior: 'FAILED', behaviorClose: 'OK', closedBy: 'fuzzer', isClean: true });
    expect(result.wireLog.map(({ text }) => text)).toContain(
      'the fuzzer fails the connection: Invalid WebSocket frame: MASK must be set',
    );
  });

  it('§7.1.1 close TCP themselves, once both Close frames are there', async () => {
    const text = encodeFrame(0x81, new Uint8Array(0), 0x0a0b0c0d);
    const [result, sent] = await resultOf('1.1.1', text, maskedClose);
    expect(result).toMatchObject({ behavior: 'OK', behaviorClose: 'OK', isClean: true, remoteCloseCode: 1000 });
    expect(sent.toString('hex')).toBe('8100880203e8');
    expect(result.wireLog.at(-1)?.text).toBe('TCP closed by the fuzzer');
  });

  it('§5.5.1 answer a Close frame, and then close TCP', async () => {
    const [result, sent] = await resultOf('2.5', maskedClose);
    expect(sent.subarray(-4).toString('hex')).toBe('880203e8');
    expect(result).toMatchObject({ behavior: 'OK', behaviorClose: 'WRONG CODE', closedBy: 'testee', isClean: true });
  });

  it.each([
    ['5000', '7.13.1', 5000],
    ['65535', '7.13.2', 65_535],
    ['1005', '7.13.1', 1005],
  ])('§7.4.2 report the code %s of a Close frame, though it must not be sent', async (_, id, code) => {
    const body = Uint8Array.of(code >>> 8, code & 0xff);
    const [result] = await resultOf(id, encodeFrame(0x88, body, 0x01020304));
    expect(result).toMatchObject({ behavior: 'INFORMATIONAL', remoteCloseCode: code });
  });

  it('§7.1.1 blame no client for TCP that the server has to close', async () => {
    // Answers the Close frame of 7.9.1 with nothing, and so is dropped after a second: unclean, and allowed here.
    const [result] = await resultOf('7.9.1');
    expect(result).toMatchObject({ behavior: 'OK', behaviorClose: 'OK', closedBy: 'fuzzer', isClean: false });
  });

  it('§7.1.5 call it unclean when the client goes away', async () => {
    const ended = new Promise<CaseResult>((resolve) => {
      void start({ cases: '1.1.1', onResult: (_agent, result) => resolve(result) }).then(({ url }) => {
        const client = new WebSocket(`${url}/runCase?case=1&agent=ws`);
        client.on('open', () => client.terminate());
      });
    });
    expect(await ended).toMatchObject({ behavior: 'FAILED', behaviorClose: 'FAILED', closedBy: 'testee' });
  });

  it('RFC 7692 §7.1 agree on what the case is about, and only in its group', async () => {
    const { url } = await start({ cases: '2.1,12.1.1,13.3.1,13.5.1' });
    const agreed = async (number: number, options: object = {}): Promise<string> => {
      const client = new WebSocket(`${url}/runCase?case=${number}&agent=ws`, options);
      await new Promise((resolve) => client.once('open', resolve));
      const extensions = (client as unknown as { _extensions: Record<string, { params: object }> })._extensions;
      const params = extensions['permessage-deflate']?.params;
      client.terminate();
      return JSON.stringify(params);
    };
    expect(await agreed(1)).toBe(undefined);
    expect(await agreed(2)).toBe('{}');
    expect(await agreed(3)).toBe('{"client_max_window_bits":9}');
    expect(await agreed(4)).toBe('{"client_no_context_takeover":true,"client_max_window_bits":9}');
    const asking = { perMessageDeflate: { serverMaxWindowBits: 10, serverNoContextTakeover: true } };
    expect(await agreed(2, asking)).toBe('{"server_no_context_takeover":true,"server_max_window_bits":10}');
  });

  it('RFC 7692 §5 are UNIMPLEMENTED for a client that offers no compression', async () => {
    const [result, sent] = await resultOf('12.1.1', maskedClose);
    expect(result).toMatchObject({ behavior: 'UNIMPLEMENTED', behaviorClose: 'OK' });
    expect(sent.toString('hex')).toBe('880203e8');
  });
});

describe('reports on clients', () => {
  it('are by client, in numeric order, the last run of a case counting', async () => {
    const { url, report, agents } = await start({ cases: '2.10,2.9,13.3.1' });
    expect(agents).toEqual([]);
    await ask(makeClient, `${url}/runCase?case=1&agent=other`);
    await driveClient(makeClient, url, { agent: 'ws & co', lanes: 3 });
    await driveClient(makeClient, url, { agent: 'ws & co' });
    expect(server!.agents).toEqual(['other', 'ws & co']);
    const { results, agent, counts, url: reportUrl } = report('ws & co');
    expect([agent, reportUrl]).toEqual(['ws & co', url]);
    expect(results.map(({ id, behavior }) => [id, behavior])).toEqual([
      ['2.9', 'OK'],
      ['2.10', 'OK'],
      ['13.3.1', 'OK'],
    ]);
    expect(counts.behavior.OK).toBe(3);
    expect(report('other').results.map(({ id }) => id)).toEqual(['2.9']);
    expect(() => report('nobody')).toThrow(new RangeError('No client called "nobody" has run a case'));
  });

  it('give the verdict of a case, when it has ended', async () => {
    const { url } = await start({ cases: '2.2' });
    const running = ask(makeClient, `${url}/runCase?case=1&agent=ws`);
    await new Promise((resolve) => setImmediate(resolve));
    await running;
    expect(await ask(makeClient, `${url}/getCaseStatus?case=1&agent=ws`)).toBe('{"behavior": "OK"}');
  });

  it('give the verdict of a case that is still to come', async () => {
    const { url } = await start({ cases: '2.2' });
    const status = ask(makeClient, `${url}/getCaseStatus?casetuple=2.2&agent=ws`);
    await ask(makeClient, `${url}/runCase?case=1&agent=ws`);
    expect(await status).toBe('{"behavior": "OK"}');
  });

  it('are made before /updateReports is answered, also when there is nothing to report', async () => {
    const made: string[] = [];
    const { url } = await start({
      cases: '2.2',
      onReport: async (agent) => {
        await new Promise((resolve) => setImmediate(resolve));
        made.push(agent);
      },
    });
    await ask(makeClient, `${url}/updateReports?agent=nobody`);
    expect(made).toEqual(['nobody']);
  });
});

describe('what the control addresses answer', () => {
  it('as Autobahn does: with a Close frame that has no code, and JSON with spaces, in ASCII', async () => {
    const { url, cases } = await start({ cases: '6.2.1' });
    const said = bodyOf(await exchange(url, '/getCaseInfo?casetuple=%206.2.1', maskedClose));
    const json = `{"id": "6.2.1", "description": ${JSON.stringify(cases[0]!.summary)}}`;
    expect(said.subarray(2, -2).toString()).toBe(json);
    expect(said.subarray(-2).toString('hex')).toBe('8800');
    expect(bodyOf(await exchange(url, '/updateReports?agent=a', maskedClose)).toString('hex')).toBe('8800');
  });

  it('spare a client the cases that it is excluded from', async () => {
    const { url } = await start({ cases: '2.1,2.2', skips: (agent, id) => agent === 'a' && id === '2.1' });
    expect(bodyOf(await exchange(url, '/runCase?case=1&agent=a', maskedClose)).toString('hex')).toBe('8800');
    expect(server!.agents).toEqual([]);
    await ask(makeClient, `${url}/runCase?case=1&agent=b`);
    expect(server!.agents).toEqual(['b']);
  });

  it('stop the server at /stopServer, and behind /updateReports when it is to', async () => {
    const first = await start({ cases: '2.1' });
    await ask(makeClient, `${first.url}/stopServer`);
    await first.finished;
    await first.close();
    const second = await start({ cases: '2.1' });
    await ask(makeClient, `${second.url}/updateReports?agent=a&shutdownOnComplete=Yes`);
    await second.finished;
  });
});

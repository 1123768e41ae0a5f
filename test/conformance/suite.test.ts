/** Running suites and single cases: targets that are not there, peers that misbehave in time, options, and reports. */

import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  HandshakeError,
  parseIndexReport,
  runCase,
  runSuite,
  selectCases,
  toIndexReport,
  toTextReport,
} from '../../src/conformance/index.ts';
import { buildUpgradeResponse } from '../../src/handshake/index.ts';
import { type Fault, startRawEchoServer } from './faulty/raw-echo.ts';

async function withServer<T>(server: Server, use: (url: string) => Promise<T>): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/echo`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function withEcho<T>(fault: Fault | undefined, use: (url: string) => Promise<T>): Promise<T> {
  const server = await startRawEchoServer(fault);
  try {
    return await use(server.url);
  } finally {
    await server.close();
  }
}

/** A port on which nobody listens: it was just given back. */
function closedPortUrl(): Promise<string> {
  return withServer(createNetServer(), async (url) => url);
}

describe('runSuite', () => {
  it('§4.1 says so when nobody listens', async () => {
    const url = await closedPortUrl();
    await expect(runSuite({ url })).rejects.toThrow(
      new HandshakeError(`${url}: connection refused (ECONNREFUSED): is the server running on that port?`),
    );
  });

  it.each([
    ['answers 404', 'HTTP/1.1 404 Not Found\r\n\r\n', '404 (§4.1): is there a WebSocket at this port and path?'],
    ['answers 401', 'HTTP/1.1 401 Unauthorized\r\n\r\n', '401 (§4.1): it wants to know who asks, by headers (--header'],
    ['sends no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'the response is not HTTP: The first line is not'],
    ['speaks HTTP/1.0', 'HTTP/1.0 101 Switching Protocols\r\n\r\n', 'the response is HTTP/1.0, not HTTP/1.1'],
    ['closes', '', 'closed during the handshake: is a WebSocket served there, and with TLS (wss:)'],
  ])('§4.1 says so when the server %s', async (_, response, message) => {
    const server = createNetServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(response));
    });
    await withServer(server, async (url) => {
      await expect(runSuite({ url })).rejects.toThrow(message);
      if (response === '') return;
      const overTls = runSuite({ url: url.replace('ws:', 'wss:') });
      await expect(overTls).rejects.toThrow('it does not speak TLS: is it ws: in place of wss:?');
    });
  });

  it.each([
    [{ url: 'http://localhost' }, 'Invalid URL "http://localhost": use ws://host:port/path or wss://host:port/path'],
    [{ url: 'ws://localhost/#x' }, 'Invalid URL "ws://localhost/#x": use ws://host:port/path or wss://host:port/path'],
    [{ url: 'localhost:80' }, 'Invalid URL "localhost:80": use ws://host:port/path or wss://host:port/path'],
    [{ url: 'ws://localhost', concurrency: 0 }, 'concurrency must be a whole number from 1 to 256; got 0'],
    [{ url: 'ws://localhost', concurrency: 1.5 }, 'concurrency must be a whole number from 1 to 256; got 1.5'],
    [{ url: 'ws://localhost', cases: '8.1' }, 'No conformance case fits "8.1"'],
  ])('refuses %j', async (options, message) => {
    await expect(runSuite(options)).rejects.toThrow(message);
  });

  it('reports in numeric order, counts, and tells of each case as it ends', async () => {
    const told: string[] = [];
    const left: number[] = [];
    const report = await withEcho(undefined, (url) =>
      runSuite({
        url,
        cases: '7.13.1,2.10,2.9,9.7.1',
        concurrency: 1,
        agent: 'mine',
        onResult({ id }, done, total, leftMs) {
          told.push(`${id} ${done}/${total}`);
          left.push(leftMs);
        },
      }),
    );
    expect(report.results.map(({ id }) => id)).toEqual(['2.9', '2.10', '7.13.1', '9.7.1']);
    expect(told).toEqual(['2.9 1/4', '2.10 2/4', '7.13.1 3/4', '9.7.1 4/4']);
    // Nothing is left behind the last; before it, 9.7.1 takes as long as five of the others.
    expect(left.at(-1)).toBe(0);
    expect(left.every(Number.isInteger)).toBe(true);
    expect(report.agent).toBe('mine');
    expect(report.counts.behavior).toMatchObject({ OK: 3, 'NON-STRICT': 0, INFORMATIONAL: 1, FAILED: 0 });
    expect(report.counts.behaviorClose).toMatchObject({ OK: 3, INFORMATIONAL: 1, UNCLEAN: 0 });
  });

  it('takes the name of the testee from its Server header, or from the URL', async () => {
    const server = createServer();
    server.on('upgrade', (request, socket) => {
      socket.on('error', () => {});
      socket.resume();
      const key = request.headers['sec-websocket-key']!;
      socket.end(buildUpgradeResponse({ key, headers: [['Server', 'other/1.0']] }));
    });
    await withServer(server, async (url) => {
      const { agent, results } = await runSuite({ url, cases: '2.1' });
      expect(agent).toBe('other/1.0');
      expect(results).toMatchObject([{ behavior: 'FAILED', behaviorClose: 'FAILED', closedBy: 'testee' }]);
    });
    await withEcho(undefined, async (url) => {
      const { agent } = await runSuite({ url, cases: '2.1' });
      expect(agent).toBe(new URL(url).host);
    });
  });
});

describe('runCase', () => {
  it('§4.1 fails a case when the handshake fails', async () => {
    const url = await closedPortUrl();
    const result = await runCase(selectCases('1.1.1')[0]!, { url });
    expect(result).toMatchObject({ id: '1.1.1', behavior: 'FAILED', behaviorClose: 'FAILED' });
    expect(result.handshakeError).toContain('ECONNREFUSED');
  });

  it.each<[string, Fault, string, string]>([
    ['2.1', 'neverAnswersClose', 'UNCLEAN', 'no Close frame in answer within a second'],
    ['2.1', 'leavesTcpOpen', 'UNCLEAN', 'the testee left TCP open for a second after the closing handshake'],
    ['2.5', 'leavesTcpOpen', 'FAILED BY CLIENT', 'the '],
    ['7.9.1', 'leavesTcpOpen', 'FAILED BY CLIENT', 'the '],
  ])('§7.1.1 %s does not wait for ever when the testee %s', async (id, fault, behaviorClose, note) => {
    const result = await withEcho(fault, (url) => runCase(selectCases(id)[0]!, { url }));
    expect([result.behavior, result.behaviorClose]).toEqual(['OK', behaviorClose]);
    expect(result.wireLog.at(-1)?.text).toContain(`TCP dropped by the fuzzer: ${note}`);
  });

  it('keeps the beginning of what passed on the wire', async () => {
    const result = await withEcho(undefined, (url) => runCase(selectCases('9.7.2')[0]!, { url }));
    expect(result.wireLog.map(({ direction, text }) => `${direction} ${text}`).slice(0, 2)).toEqual([
      'sent text, 16 bytes "****************"',
      'received text, 16 bytes "****************"',
    ]);
    expect(result.wireLog).toHaveLength(60);
    expect(result.wireLogOmitted).toBeGreaterThan(1900);
  });
});

describe('reports', () => {
  it('explain what failed', async () => {
    const report = await withEcho('emptyPong', (url) =>
      runSuite({ url, cases: '2.2,2.1', agent: 'faulty', concurrency: 1 }),
    );
    const text = toTextReport(report);
    expect(text).toContain(`Conformance of faulty at ${report.url}, ${report.startedAt}`);
    expect(text).toMatch(/2 {5}ping and pong {6}2 {3}1 {11}· {8}· {8}· {7}1 {12}·\n/);
    expect(text).toContain(
      [
        '2.2  ping with text: FAILED',
        '    expected  pong, 13 bytes "Hello, world!"; then the fuzzer closes, and the testee answers with 1000',
        '    came      pong, 0 bytes; closed by the fuzzer, no code from the testee, clean',
        '    wire',
      ].join('\n'),
    );
    expect(text).toMatch(/→ ping, 13 bytes "Hello, world!"\n.*← pong, 0 bytes\n/);
    expect(text).toMatch(/\n\n2 cases in \d+\.\d s: 1 OK, 1 failed\n$/);
  });

  it("have the shape of Autobahn's index.json, and can be read again", async () => {
    const report = await withEcho(undefined, (url) => runSuite({ url, cases: '7.7.2,3.1', agent: 'mine' }));
    const index = toIndexReport(report);
    expect(index).toEqual({
      mine: {
        '3.1': {
          behavior: 'OK',
          behaviorClose: 'OK',
          duration: expect.any(Number),
          remoteCloseCode: 1002,
          reportfile: 'mine_case_3_1.json',
        },
        '7.7.2': {
          behavior: 'OK',
          behaviorClose: 'OK',
          duration: expect.any(Number),
          remoteCloseCode: 1001,
          reportfile: 'mine_case_7_7_2.json',
        },
      },
    });
    expect([...parseIndexReport(JSON.stringify(index))]).toEqual([
      ['3.1', { behavior: 'OK', behaviorClose: 'OK' }],
      ['7.7.2', { behavior: 'OK', behaviorClose: 'OK' }],
    ]);
  });

  it.each([
    ['[]', 'expected an object with one agent in it'],
    ['{}', 'expected the results of exactly one agent, found 0'],
    ['{"a":{},"b":{}}', 'expected the results of exactly one agent, found 2'],
    ['{"a":{"1.1.1":{"behavior":"OK"}}}', 'case 1.1.1 lacks behavior or behaviorClose'],
  ])('that are something else are refused: %s', (json, message) => {
    expect(() => parseIndexReport(json)).toThrow(new SyntaxError(message));
  });
});

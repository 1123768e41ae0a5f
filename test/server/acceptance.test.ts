/** The one acceptance of all servers, under a policy that answers by other means than the stream, as HTTP/2 does. */

import type { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import type { Rejection } from '../../src/admission/rejection.ts';
import { HeaderMap, type UpgradeResponse } from '../../src/handshake/index.ts';
import { resolveSettings } from '../../src/options/connection-options.ts';
import { quickAcceptValue } from '../../src/server/accept-value.ts';
import { accept, type Policy } from '../../src/server/acceptance.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { duplexPair } from '../support/duplex-pair.ts';
import { KEY } from '../support/raw-peer.ts';
import { eventOf, watchProcess } from '../support/servers.ts';
import { frame } from '../support/wire.ts';

const HEAD = {
  method: 'GET',
  target: '/chat',
  httpVersion: '1.1',
  headers: new HeaderMap(
    ['Host', 'a', 'Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Version', '13'].concat([
      'Sec-WebSocket-Key',
      KEY,
      'Sec-WebSocket-Protocol',
      'a, b',
    ]),
  ),
};

const GONE: Rejection = { reason: 'shuttingDown', status: 503 };

interface Seen {
  readonly calls: string[];
  readonly responses: UpgradeResponse[];
  readonly rejections: Rejection[];
  readonly sockets: WebSocket[];
}

function begin(
  change: Partial<Policy> = {},
  rest: Uint8Array = Buffer.alloc(0),
): Seen & { peer: Duplex; stream: Duplex } {
  const [stream, peer] = duplexPair();
  const seen: Seen = { calls: [], responses: [], rejections: [], sockets: [] };
  const policy: Policy = {
    name: 'a test',
    server: {},
    request: {},
    settings: resolveSettings({}),
    rules: () => ({ explainPath: (name) => (name === '/chat' ? undefined : 'Nothing here') }),
    deflate: () => undefined,
    arrival: () => ({ request: HEAD, headers: HEAD.headers, host: 'a', isSecure: false, remoteAddress: undefined }),
    ask: (request, decide) => {
      seen.calls.push(`ask ${request.resourceName}`);
      decide(true);
    },
    obstacle: () => undefined,
    undecided: new Set(),
    chooseSubprotocol: (offered) => {
      seen.calls.push(`choose ${offered}`);
      return offered[1];
    },
    makeSocket: () => {
      seen.calls.push('make');
      return new WebSocket(null);
    },
    respond: (response) => {
      seen.calls.push('respond');
      seen.responses.push(response);
    },
    refuse: (rejection) => {
      seen.rejections.push(rejection);
      stream.end();
    },
    connected: (webSocket) => {
      seen.calls.push(`connected ${webSocket.readyState} ${webSocket.protocol}`);
      seen.sockets.push(webSocket);
    },
    ...change,
  };
  accept(HEAD, stream, rest, policy);
  return { ...seen, peer, stream };
}

describe('accept', () => {
  it('§4.2.2 goes from the head to an open connection, in this order', async () => {
    const hello = frame({ opcode: 1, key: [1, 2, 3, 4], payload: 'hello' });
    const { calls, responses, rejections, sockets, peer } = begin({}, Buffer.from(hello));
    expect(calls).toEqual(['ask /chat', 'choose a,b', 'make', 'respond', 'connected 1 b']);
    expect(responses).toEqual([{ key: KEY, accept: quickAcceptValue, subprotocol: 'b', extensions: [] }]);
    expect(rejections).toEqual([]);
    const [webSocket] = sockets;
    const [data] = await eventOf(webSocket!, 'message');
    expect(String(data)).toBe('hello');
    const bytes = eventOf(peer, 'data');
    webSocket!.send('x');
    // The answer has left by other means: the stream has frames only.
    expect([...((await bytes)[0] as Buffer)]).toEqual([0x81, 1, 0x78]);
    webSocket!.terminate();
  });

  it.each<[name: string, change: Partial<Policy>, rejection: object, calls: string[]]>([
    [
      'what is no WebSocket request',
      { rules: () => ({ origins: () => false }) },
      { reason: 'origin', status: 403 },
      [],
    ],
    [
      'a path that is not served',
      { rules: () => ({ explainPath: () => 'Nope' }) },
      { reason: 'path', status: 404, message: 'Nope' },
      [],
    ],
    [
      'what the application refuses',
      { ask: (_, decide) => decide({ reason: 'authorize', status: 401 }) },
      { status: 401 },
      [],
    ],
    ['all, when it does not run any more', { obstacle: () => GONE }, GONE, []],
    [
      'what was asked for before it went away',
      { obstacle: vi.fn().mockReturnValueOnce(undefined).mockReturnValue(GONE) },
      GONE,
      ['ask /chat'],
    ],
  ])('§4.2.2 refuses %s', (_name, change, rejection, calls) => {
    const seen = begin(change);
    expect(seen.rejections).toEqual([expect.objectContaining(rejection)]);
    expect(seen.calls).toEqual(calls);
  });

  it.each<[what: string, end: (policy: Policy, stream: Duplex) => unknown, rejections: unknown[]]>([
    ['the server has refused', ({ undecided }) => [...undecided][0]!(GONE), [GONE]],
    ['the socket is gone', (_, stream) => eventOf(stream.destroy(), 'close'), []],
  ])('§4.2.2 takes no verdict of the application once %s', async (_what, end, rejections) => {
    const undecided: Policy['undecided'] = new Set();
    let decide!: (verdict: true) => void;
    let fail!: (error: unknown) => void;
    const ask: Policy['ask'] = (_request, ...callbacks) => {
      [decide, fail] = callbacks;
    };
    const { rejections: seen, sockets, stream } = begin({ undecided, ask });
    expect(undecided.size).toBe(1);
    await end({ undecided } as Policy, stream);
    expect(undecided.size).toBe(0);
    const { nextWarning } = watchProcess();
    decide(true);
    fail(new Error('late'));
    expect((await nextWarning()).message).toContain('a hook of a test');
    expect([seen, sockets]).toEqual([rejections, []]);
  });

  const boom = (): never => {
    throw new Error('boom');
  };
  it.each<[step: string, change: Partial<Policy>]>([
    ['rules', { rules: boom }],
    ['ask', { ask: boom }],
    ['a failure that ask reports', { ask: (_, _decide, fail) => fail(new Error('boom')) }],
    ['chooseSubprotocol', { chooseSubprotocol: boom }],
    ['makeSocket', { makeSocket: boom }],
    ['respond', { respond: boom }],
  ])('§4.2.2 answers 500 for what is thrown by %s, and says so', async (_step, change) => {
    const { nextWarning } = watchProcess();
    const { rejections } = begin(change);
    expect(rejections).toEqual([{ reason: 'hookFailed', status: 500 }]);
    expect((await nextWarning()).message).toContain('a hook of a test');
  });

  it('§4.2.2 answers nothing when the stream has gone while the application was asked', async () => {
    let answer: (verdict: true) => void = () => {};
    const { stream, rejections, responses } = begin({
      ask: (_, decide) => {
        answer = decide;
      },
    });
    stream.destroy();
    await eventOf(stream, 'close');
    answer(true);
    expect(rejections).toEqual([]);
    expect(responses).toEqual([]);
  });
});

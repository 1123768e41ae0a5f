/**
 * Options at every door: what is not known, misspelled, of another kind or without effect is told when it is given; and
 * every limit (§10.4) can be set everywhere.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ConnectionOptions } from '../../src/options/connection-settings.ts';
import { nearestName } from '../../src/options/option-check.ts';
import type { Limits } from '../../src/protocol/index.ts';
import { type ListenOptions, listen } from '../../src/server/net-server.ts';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { broadcast, prepareMessage } from '../../src/socket/prepared-message.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { WebSocketStream } from '../../src/web/websocket-stream.ts';
import { duplexPair } from '../support/duplex-pair.ts';
import { WS } from '../support/library.ts';
import { RawPeer, upgradeRequest } from '../support/raw-peer.ts';
import { acceptance, startRawServer } from '../support/raw-server.ts';
import { eventOf, nextTurn, startServer, watchProcess } from '../support/servers.ts';
import { type Bytes, type FrameFields, frame } from '../support/wire.ts';
import { LIMIT_NAMES } from './option-page.ts';

const listenTo = (options: unknown) => listen(options as ListenOptions);
const makeServer = (options: object) => new WebSocketServer({ noServer: true, ...(options as WebSocketServerOptions) });
const NOTHING = Buffer.alloc(0);
const URL_OF_NOBODY = 'ws://127.0.0.1:9/';
/** Only what the constructor throws is looked at; what it does not throw would be a connection, which is not waited for. */
function makeClient(options: object): void {
  const client = new WebSocket(URL_OF_NOBODY, options);
  client.on('error', () => {});
  client.terminate();
}
const openSocket = (options: object) => new WebSocket(null).setSocket(duplexPair()[0], Buffer.alloc(0), options);

/** Doors of ws, where programs give options of other packages as well. */
const LENIENT: readonly (readonly [door: string, give: (options: object) => unknown])[] = [
  ['WebSocketServer', makeServer],
  ['WebSocket', makeClient],
  ['setSocket()', openSocket],
];

describe('listen(): what it does not know is refused', () => {
  it.each([
    [{ prot: 1 }, 'listen() has no option "prot": did you mean "port"?'],
    [{ orgins: [] }, 'listen() has no option "orgins": did you mean "origins"?'],
    [{ authorise: () => true }, 'listen() has no option "authorise": did you mean "authorize"?'],
    [{ closetimeoutms: 1 }, 'did you mean "closeTimeoutMs"?'],
    [{ verifyClient: () => false }, 'listen() has no option "verifyClient": use authorize'],
    [{ maxPayload: 1 }, 'listen() has no option "maxPayload": use limits: { maxMessageBytes }'],
    [{ maxFrameBytes: 1 }, 'listen() has no option "maxFrameBytes": it stands in limits'],
    [{ handshakeTimeout: 1 }, 'use handshakeTimeoutMs'],
    [{ closeTimeout: 1 }, 'use closeTimeoutMs'],
    [{ server: createServer() }, 'WebSocketServer takes one of node:http'],
    [{ cert: 'x' }, 'use tls: { key, cert }'],
    [{ whatever: 1 }, 'listen() has no option "whatever": it takes port, host, socketPath'],
    [{ toString: 1 }, 'listen() has no option "toString"'],
    [
      { limits: { maxMesageBytes: 1 } },
      'listen() has no option "limits.maxMesageBytes": did you mean "limits.maxMessageBytes"?',
    ],
    [{ limits: { maxPayload: 1 } }, 'listen() has no option "limits.maxPayload": it is called maxMessageBytes here'],
    [{ perMessageDeflate: { treshold: 1 } }, 'did you mean "perMessageDeflate.threshold"?'],
    [{ perMessageDeflate: { level: 1 } }, '"perMessageDeflate.level": it stands in zlibDeflateOptions'],
    [
      { perMessageDeflate: { zlibDeflateOptions: { memlevel: 1 } } },
      '"perMessageDeflate.zlibDeflateOptions.memlevel": did you mean "perMessageDeflate.zlibDeflateOptions.memLevel"?',
    ],
    [{ perMessageDeflate: { zlibInflateOptions: { windowBits: 9 } } }, 'the window is negotiated'],
  ])('%o', async (options, message) => {
    await expect(listenTo(options)).rejects.toThrow(TypeError);
    await expect(listenTo(options)).rejects.toThrow(message);
  });

  it.each([
    [8080, 'listen() takes an object of options, not the number 8080'],
    [undefined, 'listen() takes an object of options, not undefined'],
    ['8080', 'listen() takes an object of options, not the string "8080"'],
    [[], 'not an array'],
    [() => {}, 'not a function'],
  ])('%o in place of options', async (given, message) => {
    await expect(listenTo(given)).rejects.toThrow(new RegExp(message.replaceAll(/[()]/g, '\\$&')));
    await expect(listenTo(given)).rejects.toThrow(TypeError);
  });
});

describe('listen(): values of another kind are refused with what is expected', () => {
  it.each([
    [{ port: 70_000 }, 'listen(): port must be a whole number from 0 to 65535; got the number 70000'],
    [{ port: '' }, 'port must be'],
    [{ port: null }, 'port must be a whole number from 0 to 65535; got null'],
    [{ host: 5 }, 'host must be a string; got the number 5'],
    [{ socketPath: 5 }, 'socketPath must be a string'],
    [{ backlog: '5' }, 'backlog must be a whole number from 0 on; got the string "5"'],
    [{ tls: true }, 'tls must be an object; got the boolean true'],
    [{ limits: 5 }, 'limits must be an object'],
    [{ path: 'chat' }, 'path must be a path as requests have it: with / in front'],
    [{ path: '/chat?room=1' }, 'without its query; got the string "/chat?room=1"'],
    [{ path: '/chät' }, 'percent-encoded'],
    [
      { origins: '*' },
      "origins must be a list of origins as browsers send them, such as 'https://example.com', without a path, 'same-origin', or a function",
    ],
    [{ origins: ['https://example.com/'] }, 'without a path'],
    [{ origins: 'https://example.com:443' }, 'as browsers send them'],
    [{ origins: ['https://bücher.example'] }, 'as browsers send them'],
    [{ origins: ['example.com'] }, 'origins must be'],
    [{ subprotocols: 'chat' }, 'subprotocols must be a list of strings; got the string "chat"'],
    [{ authorize: true }, 'authorize must be a function; got the boolean true'],
    [{ onRequest: {} }, 'onRequest must be a function; got an object'],
    [{ headers: { 'X-A': 'b' } }, 'headers must be a list of [name, value]; got an object'],
    [{ headers: ['X-A'] }, 'headers must be a list of [name, value]'],
    [{ perMessageDeflate: 'on' }, 'perMessageDeflate must be true, false or an object of settings'],
    [{ perMessageDeflate: { threshold: '1kb' } }, 'perMessageDeflate.threshold must be a number'],
    [{ perMessageDeflate: { zlibDeflateOptions: 5 } }, 'perMessageDeflate.zlibDeflateOptions must be an object'],
    [{ maxHeadBytes: 0 }, 'maxHeadBytes must be a whole number from 1 on; got the number 0'],
    [{ autoPong: 'no' }, 'autoPong must be true or false; got the string "no"'],
    [{ strictLengths: 1 }, 'strictLengths must be true or false; got the number 1'],
    [{ WebSocket: {} }, 'WebSocket must be a class that extends WebSocket; got an object'],
    [{ WebSocket: class {} }, 'WebSocket must be a class that extends WebSocket; got a function'],
    [{ socketPath: '/tmp/x', port: 0 }, 'a server listens on a port or at a socketPath: give one of them'],
    [{ limits: { maxMessageBytes: '1' } }, 'listen(): limits.maxMessageBytes must be a number; got the string "1"'],
  ])('%o', async (options, message) => {
    await expect(listenTo(options)).rejects.toThrow(TypeError);
    await expect(listenTo(options)).rejects.toThrow(message);
  });

  it('§10.2 one origin is taken as a list of one', async () => {
    const setup = { origins: 'https://example.com' };
    for (const kind of ['node:net', 'node:http'] as const) {
      const server = await startServer(kind, { net: setup, http: setup });
      await RawPeer.open(server, { Origin: 'https://example.com' });
      const stranger = await RawPeer.connect(server);
      stranger.send(upgradeRequest({ Origin: 'https://example.org' }));
      expect(await stranger.head()).toContain('HTTP/1.1 403');
    }
  });

  it('undefined is as good as left out, also for names it does not know', async () => {
    const server = await listenTo({ host: '127.0.0.1', path: undefined, verifyClient: undefined, limits: undefined });
    await server.close();
  });
});

it('listen() takes a function as its second argument', async () => {
  await expect(listen({ port: 0 }, {} as never)).rejects.toThrow(
    new TypeError('listen() takes a function as its second argument, not an object'),
  );
});

describe('what a hook of listen() answers', () => {
  const answerOf = async (net: object, request: string) => {
    const watch = watchProcess();
    const server = await startServer('node:net', { net: net as ListenOptions });
    const peer = await RawPeer.connect(server);
    peer.send(request);
    const answer = await peer.rest();
    return { answer, warning: await watch.nextWarning() };
  };

  it.each([
    [undefined, 'authorize() returned undefined: return true, false or { status }'],
    [null, 'authorize() returned null: return true, false or { status }'],
    [1, 'authorize() returned the number 1: return true, false or { status }'],
    ['yes', 'authorize() returned the string "yes": return true, false or { status }'],
  ])('authorize: %o is a mistake: the server says which, the peer hears 500', async (verdict, message) => {
    const { answer, warning } = await answerOf({ authorize: () => verdict }, upgradeRequest());
    expect(answer).toContain('HTTP/1.1 500 ');
    expect(answer).not.toContain('returned');
    expect(warning.detail).toContain(message);
  });

  const NO_PLAIN_OBJECT = 'what is no plain object';
  const FAULTS: readonly (readonly [answer: unknown, fault: string])[] = [
    [{ stauts: 404 }, 'an answer with "stauts"'],
    [{ status: 404, statusText: 'No' }, 'an answer with "statusText"'],
    [new Response('no', { status: 404 }), NO_PLAIN_OBJECT],
    [[], NO_PLAIN_OBJECT],
    [{ body: {} }, 'a body that is neither a string nor a Uint8Array'],
    [{ body: 5 }, 'a body that is neither'],
    [{ body: new Response('no') }, 'a body that is neither'],
    [{ body: null }, 'a body that is neither'],
    [{ headers: new Headers({ a: 'b' }) }, 'headers that are no plain object'],
    [{ headers: { a: undefined } }, 'a header "a" that is neither a string nor an array of strings'],
    [{ headers: { a: ['b', {}] } }, 'a header "a" that is neither'],
  ];
  it.each(FAULTS)('an answer that is %o is a mistake in either', async (given, fault) => {
    const plain = await answerOf({ onRequest: () => given }, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(plain.answer).toContain('HTTP/1.1 500 ');
    expect(plain.warning.detail).toContain(`onRequest() returned ${fault}`);
    expect(plain.warning.detail).toContain('return { status, headers, body }');
    const refusal = await answerOf({ authorize: () => given }, upgradeRequest());
    expect(refusal.answer).toContain('HTTP/1.1 500 ');
    expect(refusal.warning.detail).toContain(`authorize() returned ${fault}`);
  });

  it.each([
    [true, 'HTTP/1.1 101 '],
    [false, 'HTTP/1.1 403 '],
    [{ status: 401, headers: { 'WWW-Authenticate': 'Basic' }, body: 'who?' }, 'HTTP/1.1 401 '],
    [undefined, 'HTTP/1.1 500 '],
    [new Error('in the hook'), 'HTTP/1.1 500 '],
  ])('§10.5 authorize: %o, at both servers', async (verdict, expected) => {
    watchProcess();
    const authorize = async ({ url }: { readonly url?: string | undefined }) => {
      expect(url).toBe('/chat');
      if (verdict instanceof Error) throw verdict;
      return verdict as boolean;
    };
    for (const kind of ['node:net', 'node:http'] as const) {
      const server = await startServer(kind, { net: { authorize }, http: { authorize } });
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({}, 'GET /chat HTTP/1.1'));
      const head = await peer.head();
      expect(head).toContain(expected);
      if (expected.includes('401')) expect(head).toContain('WWW-Authenticate: Basic');
    }
  });

  it('onRequest: undefined as well', async () => {
    const { answer, warning } = await answerOf({ onRequest: () => undefined }, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer).toContain('HTTP/1.1 500 ');
    expect(warning.detail).toContain('onRequest() returned undefined: return { status, headers, body }');
  });
});

describe.each(LENIENT)('%s, where ws’s programs give options', (door, give) => {
  it.each([
    [{ closeTimeoutMs: '5' }, `${door}: closeTimeoutMs must be a number; got the string "5"`],
    [{ skipsUtf8Validation: 1 }, `${door}: skipsUtf8Validation must be true or false`],
    [{ closeTimeout: 5, closeTimeoutMs: 6 }, 'closeTimeout (5) and closeTimeoutMs (6) contradict each other'],
    [
      { skipUTF8Validation: true, skipsUtf8Validation: false },
      'skipUTF8Validation (true) and skipsUtf8Validation (false) contradict each other: give one of them',
    ],
    [
      { allowSynchronousEvents: true, spreadsEvents: true },
      'allowSynchronousEvents (true) and spreadsEvents (true) contradict each other',
    ],
    [{ maxMessageBytes: 1 }, 'it stands in limits'],
    [{ maxControlFramesBetweenData: 1 }, 'it stands in limits'],
    [{ limits: { maxMesageBytes: 1 } }, 'did you mean "limits.maxMessageBytes"?'],
    [{ limits: 5 }, 'limits must be an object'],
    [{ autoPong: 'no' }, 'autoPong must be true or false'],
    [{ transientMessages: 1 }, 'transientMessages must be true or false'],
    [{ maxPayload: '5' }, `${door}: maxPayload must be a number; got the string "5"`],
    [{ closeTimeout: '5' }, `${door}: closeTimeout must be a number`],
    [{ limits: { maxFragments: '5' } }, `${door}: limits.maxFragments must be a number`],
    [
      { maxPayload: 5, limits: { maxMessageBytes: 6 } },
      'maxPayload (5) and limits.maxMessageBytes (6) contradict each other',
    ],
    [
      { maxPayload: 0, limits: { maxMessageBytes: 6 } },
      'maxPayload (0) and limits.maxMessageBytes (6) contradict each other',
    ],
    [{ maxFragments: 2, limits: { maxFragments: 3 } }, 'maxFragments (2) and limits.maxFragments (3) contradict'],
    [
      { maxPendingAutoPongs: 2, limits: { maxPendingPongs: 3 } },
      'maxPendingAutoPongs (2) and limits.maxPendingPongs (3)',
    ],
  ])('refuses what only we have or cannot be meant: %o', (options, message) => {
    expect(() => give(options)).toThrow(TypeError);
    expect(() => give(options)).toThrow(message);
    expect(() => give(options)).not.toThrow(/undefined/);
  });

  it('takes null and what is foreign, as ws does', async () => {
    const { warnings } = watchProcess();
    give({ maxPayload: null, autoPong: null, limits: null, database: 'x', logLevel: 5, log: undefined });
    give({ maxPayload: 5, limits: { maxMessageBytes: 5 } });
    give({ maxPayload: 0, limits: { maxMessageBytes: Number.POSITIVE_INFINITY } });
    give({ closeTimeout: 5, closeTimeoutMs: 5, skipUTF8Validation: true, skipsUtf8Validation: true });
    give({ allowSynchronousEvents: false, spreadsEvents: true, closeTimeout: null, closeTimeoutMs: undefined });
    await nextTurn();
    expect(warnings).toEqual([]);
  });

  it.each([
    ['closeTimeoutMs', -1],
    ['closeTimeoutMs', 2 ** 31],
    ['closeTimeout', Number.POSITIVE_INFINITY],
    ['maxPayload', 0.5],
  ])('%s: %d is out of range', (name, value) => {
    expect(() => give({ [name]: value })).toThrow(RangeError);
    expect(() => give({ [name]: value })).toThrow(`${name} must be `);
  });

  it('does not warn of what a client was given, where a stream over it is given the same', async () => {
    const { warnings } = watchProcess();
    const ofClient = {
      closeTimeout: 1,
      handshakeTimeout: 1,
      skipUTF8Validation: true,
      protocols: 'a',
      heartbeat: true,
    };
    createWebSocketStream(new WebSocket(null), ofClient as object).destroy();
    await nextTurn();
    expect(warnings).toEqual([]);
  });

  it('warns once of what looks like a slip of the pen, in either vocabulary', async () => {
    const { warnings } = watchProcess();
    give({ closeTimeoutMS: 5 });
    expect(await watchProcess().nextWarning()).toMatchObject({
      code: 'WS_WARN_OPTION',
      message: `${door} has no option "closeTimeoutMS": did you mean "closeTimeoutMs"?`,
    });
    warnings.length = 0;
    give({ maxPaylaod: 5 });
    give({ maxPaylaod: 5 });
    await nextTurn();
    expect(warnings).toMatchObject([
      { code: 'WS_WARN_OPTION', message: `${door} has no option "maxPaylaod": did you mean "maxPayload"?` },
    ]);
  });
});

describe('WebSocketServer', () => {
  it.each([
    [{ authorize: true }, 'WebSocketServer: authorize must be a function; got the boolean true'],
    [
      { authorize: () => false, verifyClient: () => false },
      'WebSocketServer: authorize and verifyClient both decide: give one of them',
    ],
    [{ subprotocols: 'a' }, 'WebSocketServer: subprotocols must be a list of strings; got the string "a"'],
    [{ subprotocols: ['a'], handleProtocols: () => 'a' }, 'handleProtocols and subprotocols both choose: give one'],
    [{ subprotocols: ['a b'] }, 'a b'],
    [{ onRequest: () => {} }, '"onRequest": give it a server of node:http'],
    [{ tls: {} }, 'give it a server of node:https'],
    [{ maxHeadBytes: 5 }, 'give it a server of node:http with maxHeaderSize'],
    [{ proxyFromEnvironment: true }, 'WebSocketServer has no option "proxyFromEnvironment": only WebSocket has it'],
    [{ proxy: 'http://127.0.0.1:1' }, 'WebSocketServer has no option "proxy": only WebSocket has it'],
    [{ socketPath: '/tmp/x' }, '"socketPath": give it a server of node:http that listens there'],
    [{ reusePort: true }, '"reusePort": give it a server of node:http that listens so'],
    [{ perMessageDeflate: { limits: {} } }, '"perMessageDeflate.limits": it stands beside perMessageDeflate'],
    [
      { perMessageDeflate: { zlibDeflateOptions: { sharedCompressor: true } } },
      '"perMessageDeflate.zlibDeflateOptions.sharedCompressor": it stands in perMessageDeflate',
    ],
    [{ sharedCompressor: true }, '"sharedCompressor": it stands in perMessageDeflate'],
    [{ perMessageDeflate: { maxFrameBytes: 1 } }, '"perMessageDeflate.maxFrameBytes": it stands in limits'],
    [{ handshakeTimeoutMs: '5' }, 'WebSocketServer: handshakeTimeoutMs must be a number; got the string "5"'],
    [{ handshakeTimeout: 5, handshakeTimeoutMs: 6 }, 'handshakeTimeout (5) and handshakeTimeoutMs (6) contradict'],
    [{ verifyClient: true }, 'WebSocketServer: verifyClient must be a function; got the boolean true'],
    [{ handleProtocols: 'chat' }, 'handleProtocols must be a function'],
    [{ origins: '*' }, 'leave it out to accept all'],
    [{ port: 'http', noServer: undefined }, 'port must be a whole number from 0 to 65535; got the string "http"'],
    [{ noServer: undefined, server: Object.assign(() => {}, { on: () => {} }) }, 'http.createServer(app)'],
    [{ clientTracking: 1 }, 'clientTracking must be true or false'],
    [{ perMessageDeflate: 'yes' }, 'perMessageDeflate must be true, false or an object'],
    [{ handshakeTimeout: '5' }, 'handshakeTimeout must be a number'],
    [{ maxBufferedChunks: 'x' }, 'maxBufferedChunks must be a whole number from 0 on, or Infinity; got the string "x"'],
    [{ noServer: undefined, server: new WebSocketServer({ noServer: true }) }, 'server must be a server of node:http'],
    [
      { noServer: undefined, server: new WS.WebSocketServer({ noServer: true }) },
      'server must be a server of node:http',
    ],
    [{ WebSocket: class {} }, 'WebSocket must be a class that extends WebSocket; got a function'],
    [{ WebSocket: () => {} }, 'WebSocket must be a class that extends WebSocket'],
  ])('refuses %o', (options, message) => {
    expect(() => makeServer(options)).toThrow(TypeError);
    expect(() => makeServer(options)).toThrow(message);
  });

  it('takes what stands for nothing in ws', () => {
    makeServer({ verifyClient: null, handleProtocols: null, path: null, host: null, port: null, server: null });
    makeServer({ verifyClient: false, path: '', server: false, perMessageDeflate: null, backlog: null });
    makeServer({ subprotocols: false, handleProtocols: () => 'a', onRequest: null, tls: null });
    expect(() => new WebSocketServer(8080 as never)).toThrow(
      'WebSocketServer takes an object of options, not the number 8080',
    );
  });

  it.each([
    [{ path: 'chat' }, 'WebSocketServer: no request has the path "chat"'],
    [{ origin: 'https://example.com' }, 'WebSocketServer has no option "origin": use origins'],
    [{ protocols: ['a'] }, '"protocols": use handleProtocols(offered, request)'],
    [{ verfyClient: () => false }, 'did you mean "verifyClient"?'],
    [
      { headers: { a: 'b' } },
      `WebSocketServer has no option "headers": add to the lines that a 'headers' listener gets`,
    ],
    [{ cert: 'x' }, '"cert": for TLS give it a server of node:https: { server: https.createServer({ cert, key }) }'],
    [{ key: 'x' }, '"key": for TLS give it a server of node:https'],
    [{ pfx: 'x' }, '"pfx": for TLS give it a server of node:https'],
    [{ verify: () => false }, '"verify": use verifyClient(info, callback)'],
    [{ perMessageDeflate: { level: 1 } }, '"perMessageDeflate.level": it stands in zlibDeflateOptions'],
    [
      { perMessageDeflate: { clientNoContextTakeOver: true } },
      'did you mean "perMessageDeflate.clientNoContextTakeover"?',
    ],
  ])('warns of %o', async (options, message) => {
    const { nextWarning } = watchProcess();
    makeServer(options);
    expect((await nextWarning()).message).toContain(message);
  });

  it('§4.2.2 subprotocols: the first one offered that is spoken here', async () => {
    for (const kind of ['node:http', 'node:net'] as const) {
      const options = { subprotocols: ['chat.v1', 'chat.v2'] };
      const server = await startServer(kind, { net: options, http: options });
      const answerTo = async (offer: string) => {
        const peer = await RawPeer.connect(server);
        peer.send(upgradeRequest({ 'Sec-WebSocket-Protocol': offer }));
        return /sec-websocket-protocol: (.*)/i.exec(await peer.head())?.[1];
      };
      expect(await answerTo('other, chat.v2, chat.v1')).toBe('chat.v2');
      expect(await answerTo('other')).toBeUndefined();
    }
  });

  it('shows what was given under our names under ws’s as well, and takes it back', () => {
    const { options } = makeServer({
      ...{ closeTimeoutMs: 5, skipsUtf8Validation: true, spreadsEvents: true, subprotocols: ['a'] },
      limits: { maxMessageBytes: 6, maxFragments: Number.POSITIVE_INFINITY, maxPendingPongs: 7, maxFrameBytes: 8 },
    });
    expect(options).toMatchObject({
      ...{ closeTimeout: 5, skipUTF8Validation: true, allowSynchronousEvents: false },
      ...{ maxPayload: 6, maxFragments: 0, maxPendingAutoPongs: 7 },
      ...{ closeTimeoutMs: 5, skipsUtf8Validation: true, spreadsEvents: true, subprotocols: ['a'] },
    });
    expect(makeServer(options).options).toEqual(options);
    const ofWs = makeServer({ closeTimeout: 5, maxPayload: 0 }).options;
    expect(makeServer(ofWs).options).toEqual(ofWs);
    expect(ofWs).not.toHaveProperty('closeTimeoutMs');
  });

  it('options of zlib that have no effect pass, as in ws', async () => {
    const { warnings } = watchProcess();
    const zlibDeflateOptions = { windowBits: 10, chunkSize: 1024, flush: 2 };
    makeServer({ perMessageDeflate: { zlibDeflateOptions, zlibInflateOptions: { chunkSize: 10_240 } } });
    await nextTurn();
    expect(warnings).toEqual([]);
  });
});

describe('WebSocket', () => {
  const HEADERS = 'headers must be a plain object of names and values, a Headers or a Map; got ';
  it.each([
    [5, 'the number 5'],
    [true, 'the boolean true'],
    [() => {}, 'a function'],
    ['abc', 'the string "abc"'],
    [[['a', 'b']], 'an array'],
    [new Set(), 'an object'],
    [new (class {})(), 'an object'],
  ])('refuses headers: %o', (headers, given) => {
    expect(() => makeClient({ headers })).toThrow(new TypeError(`WebSocket: ${HEADERS}${given}`));
    expect(() => new WebSocketStream(URL_OF_NOBODY, { headers } as never)).toThrow(HEADERS);
  });

  it.each([
    [{ subprotocols: 'a' }, 'WebSocket: subprotocols must be a list of strings; got the string "a"'],
    [{ subprotocols: ['a'], protocols: 'b' }, 'protocols (b) and subprotocols (a) contradict each other'],
    [{ handshakeTimeout: 5, handshakeTimeoutMs: 6 }, 'handshakeTimeout (5) and handshakeTimeoutMs (6) contradict'],
    [{ authorize: () => true }, 'WebSocket has no option "authorize": only listen() and WebSocketServer have it'],
    [{ onRequest: () => ({}) }, 'WebSocket has no option "onRequest": only listen() has it'],
    [
      { origins: ['https://example.com'] },
      'WebSocket has no option "origins": only listen() and WebSocketServer have it',
    ],
    [{ followRedirects: 3 }, 'followRedirects must be true or false; got the number 3'],
    [{ generateMask: 5 }, 'generateMask must be a function'],
    [{ finishRequest: 5 }, 'finishRequest must be a function'],
    [{ origin: ['a'] }, 'origin must be a string; got an array'],
    [{ signal: 5 }, 'signal must be an AbortSignal'],
    [{ protocolVersion: '13' }, 'WebSocket: protocolVersion must be a number; got the string "13"'],
    [{ protocols: 5 }, 'WebSocket: protocols must be a string or a list of strings; got the number 5'],
    [{ handshakeTimeout: '5' }, 'WebSocket: handshakeTimeout must be a number; got the string "5"'],
    [{ maxRedirects: '5' }, 'WebSocket: maxRedirects must be a number'],
    [{ proxy: 5 }, 'proxy must be an http: or https: URL'],
    [{ tls: {} }, 'WebSocket has no option "tls": its options stand beside the others'],
  ])('refuses %o', (options, message) => {
    expect(() => makeClient(options)).toThrow(TypeError);
    expect(() => makeClient(options)).toThrow(message);
  });

  it.each([null, false])('takes %s for nothing, as ws does', async (nothing) => {
    const server = await startRawServer((head) => acceptance(head));
    const options = { finishRequest: nothing, signal: nothing, subprotocols: nothing, generateMask: nothing };
    const socket = new WebSocket(server.url(), { ...options, authorize: null } as object);
    await once(socket, 'open');
    expect(socket.protocol).toBe('');
    socket.terminate();
  });

  it('subprotocols and protocols are one option', async () => {
    const server = await startRawServer((head) => acceptance(head));
    const offerOf = async (protocols: string[] | undefined, options: object) => {
      await once(new WebSocket(server.url(), protocols, options), 'close').catch(() => {});
      return /sec-websocket-protocol: (.*)/i.exec(server.heads.at(-1)!)?.[1];
    };
    expect(server.heads).toEqual([]);
    expect(await offerOf(undefined, { subprotocols: ['a', 'b'] })).toBe('a,b');
    expect(await offerOf(undefined, { protocols: 'a', subprotocols: ['a'] })).toBe('a');
    expect(await offerOf(['c'], { protocols: ['a'] })).toBe('c');
    expect(() => new WebSocket(URL_OF_NOBODY, ['a'], { subprotocols: ['a'] })).toThrow(
      new TypeError('WebSocket: subprotocols stand in the second argument or in the options: give one of them'),
    );
  });

  it.each([
    [{ rejectUnauthorised: true }, 'WebSocket has no option "rejectUnauthorised": did you mean "rejectUnauthorized"?'],
    [{ handshakeTimeOut: 5 }, 'did you mean "handshakeTimeout"?'],
  ])('warns of %o', async (options, message) => {
    const { nextWarning } = watchProcess();
    makeClient(options);
    expect((await nextWarning()).message).toContain(message);
  });
});

it.each<[string, () => unknown]>([
  [
    'messages() has no option "maxQeue": did you mean "maxQueue"?',
    () => new WebSocket(null).messages({ maxQeue: 1 } as object),
  ],
  ['messages() takes an object of options, not the number 5', () => new WebSocket(null).messages(5 as never)],
  ['broadcast() has no option "exept": did you mean "except"?', () => broadcast([], 'x', { exept: 1 } as object)],
  ['broadcast(): binary must be true or false; got the number 1', () => broadcast([], 'x', { binary: 1 } as object)],
  [
    'prepareMessage() has no option "except": it takes binary, droppable',
    () => prepareMessage('x', { except: 1 } as object),
  ],
  [
    'setSocket() takes a stream as its first argument, not the number 5',
    () => new WebSocket(null).setSocket(5 as never, NOTHING),
  ],
  [
    'setSocket() takes a stream as its first argument, not undefined',
    () => new WebSocket(null).setSocket(undefined as never, NOTHING),
  ],
  [
    'createWebSocketStream() takes a WebSocket as its first argument, not an object',
    () => createWebSocketStream({} as never),
  ],
  [
    "broadcast() takes sockets, such as a server's clients, as its first argument, not undefined",
    () => broadcast(undefined as never, 'x'),
  ],
])('%s', (message, call) => {
  expect(call).toThrow(new TypeError(message));
});

it('the nearest name is a slip of the pen away', () => {
  const known = ['port', 'path', 'maxPayload'];
  expect(nearestName('prot', known)).toBe('port');
  expect(nearestName('PATH', known)).toBe('path');
  expect(nearestName('maxpayloads', known)).toBe('maxPayload');
  expect(nearestName('ptah', known)).toBe('path');
  expect(nearestName('maxLoad', known)).toBe('maxPayload');
  expect(nearestName('sport2', known)).toBeUndefined();
  expect(nearestName('', known)).toBeUndefined();
});

// ---- Every limit at every door --------------------------------------------------------------------------------------

interface Connection {
  readonly socket: WebSocket;
  /** The other side's stream. */
  readonly peer: Duplex;
  /** Sends frames in one write; masked where the peer is the client. */
  send(frames: readonly FrameOfPeer[]): void;
}
type FrameOfPeer = readonly [opcode: number, payload: Bytes, fields?: Partial<FrameFields>];
type Open = (options: ConnectionOptions) => Promise<Connection>;

const framesOf = (frames: readonly FrameOfPeer[], fromClient: boolean) =>
  Buffer.concat(
    frames.map(([opcode, payload, fields]) =>
      frame({ ...(fromClient ? { key: [1, 2, 3, 4] } : {}), ...fields, opcode, payload }),
    ),
  );

async function openOnServer(kind: 'node:net' | 'node:http', options: ConnectionOptions): Promise<Connection> {
  const server = await startServer(kind, kind === 'node:net' ? { net: options } : { http: options });
  const peer = await RawPeer.open(server);
  return { socket: server.connections[0]!, peer: peer.socket, send: (frames) => peer.send(framesOf(frames, true)) };
}

async function openClient(options: ConnectionOptions): Promise<Connection> {
  const server = await startRawServer((head) => acceptance(head));
  const socket = new WebSocket(server.url(), options);
  await once(socket, 'open');
  const [peer] = server.sockets;
  return { socket, peer: peer!, send: (frames) => void peer!.write(framesOf(frames, false)) };
}

const DOORS: readonly (readonly [name: string, open: Open])[] = [
  ['listen()', (options) => openOnServer('node:net', options)],
  ['WebSocketServer', (options) => openOnServer('node:http', options)],
  ['WebSocket', openClient],
  [
    'setSocket()',
    async (options) => {
      const [ours, peer] = duplexPair();
      peer.resume();
      const socket = new WebSocket(null);
      socket.setSocket(ours, Buffer.alloc(0), options);
      return { socket, peer, send: (frames) => void peer.write(framesOf(frames, true)) };
    },
  ],
  [
    'the constructor of a socket of one’s own',
    async (options) => {
      const [ours, peer] = duplexPair();
      peer.resume();
      const socket = new WebSocket(null, undefined, options);
      socket.setSocket(ours, Buffer.alloc(0), {});
      return { socket, peer, send: (frames) => void peer.write(framesOf(frames, true)) };
    },
  ],
];

/** The payloads of the pongs that come until one is 'e'. */
function pongsAt(peer: Duplex): Promise<string[]> {
  return new Promise((resolve) => {
    const bytes: number[] = [];
    const pongs: string[] = [];
    peer.on('data', (chunk: Buffer) => {
      bytes.push(...chunk);
      // Of one byte each, masked or not.
      while (bytes[0] === 0x8a && bytes.length >= (bytes[1]! & 0x80 ? 7 : 3)) {
        const [, second, ...rest] = bytes.splice(0, bytes[1]! & 0x80 ? 7 : 3);
        pongs.push(String.fromCharCode(second! & 0x80 ? rest[4]! ^ rest[0]! : rest[0]!));
      }
      if (pongs.at(-1) === 'e') resolve(pongs);
    });
  });
}

const PONG: FrameOfPeer = [0xa, ''];
const FRAGMENTS: readonly FrameOfPeer[] = [
  [1, 'a', { fin: false }],
  [0, 'b', { fin: false }],
  [0, 'c'],
];

/** Each limit: a value under which these frames end the connection with an error of this text. */
const BREACHES: readonly (readonly [name: string, Partial<Limits>, readonly FrameOfPeer[], error: string])[] = [
  ['maxMessageBytes', { maxMessageBytes: 5 }, [[1, 'sixsix']], 'Max payload size exceeded'],
  ['maxFrameBytes', { maxFrameBytes: 5 }, [[1, 'sixsix']], 'Max frame size exceeded'],
  ['maxFragments', { maxFragments: 2 }, FRAGMENTS, 'Too many message fragments'],
  [
    'maxControlFramesBetweenData',
    { maxControlFramesBetweenData: 3 },
    Array(4).fill(PONG),
    'Too many control frames between data frames',
  ],
];

describe.each(DOORS)('§10.4 limits at %s', (_door, open) => {
  it.each(BREACHES)('%s', async (_name, limits, frames, message) => {
    const { socket, send } = await open({ limits });
    const failed = eventOf(socket, 'error');
    send(frames);
    expect(await failed).toMatchObject([{ message }]);
  });

  it.each([
    ['controlWindowMs', { controlWindowMs: 0 }],
    ['maxControlFramesBetweenData', { maxControlFramesBetweenData: 3000 }],
  ])('%s: 2001 pongs are none too many when it says so', async (_name, limits) => {
    const { socket, send } = await open({ limits });
    let pongs = 0;
    socket.on('pong', () => pongs++);
    const message = once(socket, 'message');
    send([...(Array(2001).fill(PONG) as FrameOfPeer[]), [1, 'still here']]);
    expect(String((await message)[0])).toBe('still here');
    expect(pongs).toBe(2001);
    socket.terminate();
  });

  it('2001 pongs are one too many otherwise', async () => {
    const { socket, send } = await open({});
    const failed = eventOf(socket, 'error');
    send(Array(2001).fill(PONG));
    expect(await failed).toMatchObject([{ code: 'WS_ERR_TOO_MANY_CONTROL_FRAMES' }]);
  });

  it('§5.5.3 maxPendingPongs: past it only the newest ping is answered', async () => {
    const { socket, send, peer } = await open({ limits: { maxPendingPongs: 1 } });
    const heard = pongsAt(peer);
    const pinged = new Promise<void>((resolve) => {
      socket.on('ping', (data) => String(data) === 'e' && resolve());
    });
    // A network that takes nothing for a while.
    socket._socket!.cork();
    send(['a', 'b', 'c', 'd', 'e'].map((payload) => [9, payload] as const));
    await pinged;
    socket._socket!.uncork();
    expect(await heard).toEqual(['a', 'e']);
    socket.terminate();
  });
});

/** Our other names, as they are at every door. */
describe.each(DOORS)('options of a connection at %s', (_door, open) => {
  it('§7.1.1 closeTimeoutMs', async () => {
    const { socket } = await open({ closeTimeoutMs: 30 });
    const closed = eventOf(socket, 'close');
    socket.close();
    expect((await closed)[0]).toBe(1006);
  });

  it('§8.1 skipsUtf8Validation', async () => {
    const { socket, send } = await open({ skipsUtf8Validation: true });
    const heard = once(socket, 'message');
    send([[1, [0xff]]]);
    expect(await heard).toEqual([Buffer.of(0xff), false]);
    socket.terminate();
  });

  it('§5.2 strictLengths', async () => {
    const { socket, send } = await open({ strictLengths: true });
    const failed = eventOf(socket, 'error');
    send([[1, 'five!', { lengthForm: '16' }]]);
    expect(await failed).toMatchObject([{ code: 'WS_ERR_LENGTH_NOT_MINIMAL' }]);
  });

  it.each([
    [true, ['a', 'then', 'b', 'then']],
    [false, ['a', 'b', 'then', 'then']],
  ])('spreadsEvents: %s', async (spreadsEvents, expected) => {
    const { socket, send } = await open({ spreadsEvents });
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      socket.on('message', async (data) => {
        heard.push(String(data));
        await undefined;
        heard.push('then');
        if (heard.length === 4) resolve();
      });
      send([
        [1, 'a'],
        [1, 'b'],
      ]);
    });
    expect(heard).toEqual(expected);
    socket.terminate();
  });

  it('§5.5.2 autoPong, transientMessages, listenerErrors', async () => {
    const { socket, send } = await open({ autoPong: false, transientMessages: true, listenerErrors: 'close' });
    expect(socket.transientMessages).toBe(true);
    socket.on('ping', () => {
      throw new Error('as it is told');
    });
    const failed = eventOf(socket, 'error');
    send([[9, 'x']]);
    expect(await failed).toMatchObject([{ code: 'WS_ERR_INTERNAL' }]);
  });
});

it('every limit there is has been tried', () => {
  const tried = BREACHES.map(([name]) => name);
  expect([...tried, 'controlWindowMs', 'maxPendingPongs'].sort()).toEqual([...LIMIT_NAMES].sort());
});

it('a subclass may change limits in setSocket, also those without a name in ws', async () => {
  class Mine extends WebSocket {
    override setSocket(...[socket, head, options]: Parameters<WebSocket['setSocket']>): void {
      super.setSocket(socket, head, { ...options, limits: { maxMessageBytes: 5, maxFrameBytes: 4 } });
    }
  }
  const server = await startServer('node:http', { http: { WebSocket: Mine } });
  const peer = await RawPeer.open(server);
  const failed = eventOf(server.connections[0]!, 'error');
  peer.send(framesOf([[1, 'five!']], true));
  expect(await failed).toMatchObject([{ message: 'Max frame size exceeded' }]);
});

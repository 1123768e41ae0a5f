/** Every door and every name that is ours: none is swallowed, wherever it is given. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kindOf, OPTIONS, type OptionRow } from '../../src/options/option-table.ts';
import { SAME_IN_WS, WS_OPTION_NAMES } from '../../src/options/ws-names.ts';
import { type ListenOptions, NetServer } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { WebSocketStream } from '../../src/web/websocket-stream.ts';
import { PerMessageDeflate } from '../../src/ws-compat/per-message-deflate.ts';
import { Receiver } from '../../src/ws-compat/receiver.ts';
import { Sender } from '../../src/ws-compat/sender.ts';
import { duplexPair } from '../support/duplex-pair.ts';
import { watchProcess } from '../support/servers.ts';
import { commentsOf, LIMIT_NAMES, MESSAGES_TYPES } from './option-page.ts';

const URL_OF_NOBODY = 'ws://127.0.0.1:9/';
const makeServer = (options: object) => new WebSocketServer({ noServer: true, ...options });
/** What the constructor does not throw would be a connection, which is not waited for. */
function makeClient(options: object): void {
  const client = new WebSocket(URL_OF_NOBODY, options);
  client.on('error', () => {});
  client.terminate();
}
const openSocket = (options: object) => new WebSocket(null).setSocket(duplexPair()[0], Buffer.alloc(0), options);
const openOwnSocket = (options: object) =>
  new WebSocket(null, undefined, options).setSocket(duplexPair()[0], Buffer.alloc(0));

/** Every door, and what gives it options. A name that is taken is refused as well, for a value that nothing is. */
const DOORS: readonly (readonly [door: string, give: (options: object) => unknown])[] = [
  ['NetServer', (options) => new NetServer(options as ListenOptions)],
  ['WebSocketServer', makeServer],
  ['WebSocket', makeClient],
  ['setSocket()', openSocket],
  ['new WebSocket(null)', openOwnSocket],
  ['WebSocketStream', (options) => new WebSocketStream(URL_OF_NOBODY, options as never)],
  ['Receiver', (options) => new Receiver(options)],
  ['PerMessageDeflate', (options) => new PerMessageDeflate(options)],
  ['Sender#send()', (options) => new Sender(duplexPair()[0]).send('x', options)],
  ['createWebSocketStream()', (options) => createWebSocketStream(new WebSocket(null), options)],
  ['perMessageDeflate', (perMessageDeflate) => makeServer({ perMessageDeflate })],
  ['zlibDeflateOptions', (zlibDeflateOptions) => makeServer({ perMessageDeflate: { zlibDeflateOptions } })],
];

const NAMES_OF_WS: readonly string[] = [...SAME_IN_WS, ...WS_OPTION_NAMES.map(({ ws }) => ws)];
/** Of `send` and of a frame. */
const OF_MESSAGES_IN_WS = ['binary', 'compress', 'fin', 'mask'];

const namesIn = (path: string, type: string) => [
  ...commentsOf(readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8'), type).keys(),
];
/** The options of calls, and the members of options. */
const CALLS_AND_MEMBERS: readonly (readonly [path: string, type: string])[] = [
  ...MESSAGES_TYPES.map(([, path, type]) => [path, type] as const),
  ['server/drain.ts', 'DrainOptions'],
  ['server/drain-on-signal.ts', 'SignalDrainOptions'],
  ['options/connection-settings.ts', 'HeartbeatOptions'],
  ['admission/message-limits.ts', 'MessageRate'],
  ['admission/tokens.ts', 'TokenOptions'],
  ['admission/tickets.ts', 'TicketOptions'],
];

/** The options that only we have. */
const OUR_NAMES = [
  ...new Set([
    ...Object.keys(OPTIONS),
    ...LIMIT_NAMES,
    'sharedCompressor',
    'nextMaskingKey',
    ...CALLS_AND_MEMBERS.flatMap(([path, type]) => namesIn(path, type)),
  ]),
].filter((name) => !NAMES_OF_WS.includes(name) && !OF_MESSAGES_IN_WS.includes(name));

/** Words that other packages' options have too. `listen()` alone is given no options of theirs. */
const COMMON = ['code', 'cookie', 'key', 'max', 'query', 'reason'];

describe('no door swallows a name of ours', () => {
  for (const [path, type] of CALLS_AND_MEMBERS) expect(namesIn(path, type), type).not.toEqual([]);
  for (const name of [
    'limits',
    'closeTimeoutMs',
    'intervalMs',
    'perSecond',
    'bearer',
    'maxQueue',
    'except',
    'spreadMs',
  ])
    expect(OUR_NAMES).toContain(name);
  const rows: Readonly<Record<string, OptionRow>> = OPTIONS;
  /** What is passed over all the same, and why. */
  const isPassedOver = (door: string, name: string): boolean => {
    if (door !== 'NetServer' && COMMON.includes(name)) return true;
    // `http.request` has it too, and the address takes its place, as it does in ws.
    if (door.startsWith('WebSocket') && door !== 'WebSocketServer') return name === 'socketPath';
    const at = rows[name]?.at ?? [];
    // What a client was given: MQTT.js gives its stream the same object.
    if (door === 'createWebSocketStream()') return at.includes('WebSocket');
    // What a server was given goes on to the constructor of its sockets.
    return door === 'new WebSocket(null)' && at.includes('WebSocketServer') && !at.includes('setSocket()');
  };
  it.each(DOORS)('%s', (door, give) => {
    for (const name of OUR_NAMES.filter((one) => !isPassedOver(door, one))) {
      expect(() => give({ [name]: Symbol(name) }), name).toThrow(TypeError);
      expect(() => give({ [name]: Symbol(name) }), name).toThrow(name);
    }
  });

  it.each(DOORS)('%s takes common words for those of other packages', (door, give) => {
    // A server is told of `key` that TLS is meant.
    watchProcess();
    for (const name of COMMON) {
      const call = () => give({ [name]: Symbol(name) });
      if (door === 'NetServer') expect(call).toThrow(`listen() has no option "${name}"`);
      else expect(call).not.toThrow();
    }
  });

  it.each([
    [{ intervalMs: 5 }, 'WebSocketServer has no option "intervalMs": it stands in heartbeat'],
    [{ perSecond: 5 }, 'WebSocketServer has no option "perSecond": it stands in messageRate'],
    [{ bearer: true }, 'WebSocketServer has no option "bearer": it stands in tokens'],
    [{ subprotocol: 'a' }, 'WebSocketServer has no option "subprotocol": use subprotocols'],
    [{ maxQueue: 5 }, 'WebSocketServer has no option "maxQueue": only messages() and WebSocketStream have it'],
    [{ except: {} }, 'WebSocketServer has no option "except": only broadcast() has it'],
    [{ retryAfterMs: 5 }, 'WebSocketServer has no option "retryAfterMs": only drain() and drainOnSignal() have it'],
    [{ heartbeat: { maxQueue: 5 } }, 'WebSocketServer has no option "heartbeat.maxQueue"'],
  ])('says where %o belongs', (options, message) => {
    expect(() => makeServer(options)).toThrow(message);
  });

  it.each([
    ['WebSocketServer', makeServer, { followRedirects: true, maxRedirects: 5, protocolVersion: 8, signal: 5 }],
    ['WebSocket', makeClient, { clientTracking: 5, noServer: true, verifyClient: 5, server: 5, handleProtocols: 5 }],
    ['Receiver', (options: object) => new Receiver(options), { maxPendingAutoPongs: 'x', autoPong: 5, headers: 5 }],
    ['PerMessageDeflate', (options: object) => new PerMessageDeflate(options), { maxFragments: 'x', autoPong: 5 }],
  ] as const)('%s passes over what ws has at another door', (_, give, options) => {
    expect(() => give(options)).not.toThrow();
  });

  // WebSocketStream converts its own as the standard has it.
  const lenient = DOORS.filter(
    ([door]) => !['NetServer', 'perMessageDeflate', 'zlibDeflateOptions', 'WebSocketStream'].includes(door),
  );
  it.each(lenient)('%s takes null and, where that is no value, false for nothing', (door, give) => {
    const names = [...Object.keys(OPTIONS), ...NAMES_OF_WS].filter((name) => !kindOf(name)!.fits(false));
    expect(names).toEqual(expect.arrayContaining(['proxy', 'tls', 'handshakeTimeout', 'generateMask']));
    expect(names).not.toContain('heartbeat');
    // ws counts `port: false` as well.
    for (const name of names.filter((one) => door !== 'WebSocketServer' || one !== 'port')) {
      give({ [name]: null });
      give({ [name]: false });
    }
  });

  it('PerMessageDeflate and Sender take null for nothing', () => {
    expect(new PerMessageDeflate(null).offer()).toEqual(new PerMessageDeflate().offer());
    const options = { fin: true, opcode: 1, mask: true, rsv1: false, readOnly: false };
    expect(Sender.frame(Buffer.from('a'), { ...options, generateMask: null as never })).toHaveLength(2);
  });

  it.each<[(options: object) => unknown, object, string]>([
    [
      (options) => new Receiver(options),
      { limits: { maxPendingPongs: 5 } },
      'Receiver has no option "limits.maxPendingPongs": it would have no effect',
    ],
    [
      (options) => new Receiver(options),
      { limits: { maxPendingAutoPongs: 5 } },
      'Receiver has no option "limits.maxPendingAutoPongs": it takes maxMessageBytes, maxFrameBytes, ',
    ],
    [
      (options) => new PerMessageDeflate(options),
      { limits: { maxFragments: 5 } },
      'PerMessageDeflate has no option "limits.maxFragments": it would have no effect',
    ],
    [
      (options) => new PerMessageDeflate(options),
      { limits: { maxPayload: 5 } },
      'PerMessageDeflate has no option "limits.maxPayload": it is called maxMessageBytes here',
    ],
    [(options) => new Receiver(options), { isServer: 1 }, 'Receiver: isServer must be true or false; got the number 1'],
    [
      (options) => new Receiver(options),
      { binaryType: 'text' },
      'Receiver: binaryType must be one of nodebuffer, arraybuffer',
    ],
    [(options) => new PerMessageDeflate(options), { isServer: 1 }, 'isServer must be true or false'],
    [makeClient, { maxBufferedChunks: -1 }, 'maxBufferedChunks must be a whole number from 0 on, or Infinity'],
    [openSocket, { maxBufferedChunks: 1.5 }, 'maxBufferedChunks must be a whole number'],
    [(options) => new NetServer(options as ListenOptions), { backlog: -5 }, 'backlog must be a whole number from 0 on'],
    [makeServer, { backlog: 1.5 }, 'backlog must be a whole number from 0 on'],
    [openSocket, { nextMaskingKey: () => 1 }, 'setSocket() has no option "nextMaskingKey": use generateMask'],
  ])('%o refuses %o', (give, options, message) => {
    expect(() => give(options)).toThrow(TypeError);
    expect(() => give(options)).toThrow(message);
  });

  it('takes what it has a use for', () => {
    const limits = {
      maxMessageBytes: 1,
      maxFrameBytes: 1,
      maxFragments: 1,
      maxControlFramesBetweenData: 1,
      controlWindowMs: 1,
    };
    new Receiver({ limits, binaryType: 'fragments', isServer: false, maxBufferedChunks: Infinity });
    makeServer({ backlog: 0 });
    new PerMessageDeflate({ limits: { maxMessageBytes: 1 } });
  });

  it('setSocket() tells that compression is not agreed on there', async () => {
    const { nextWarning } = watchProcess();
    openSocket({ perMessageDeflate: true });
    expect((await nextWarning()).message).toBe(
      'setSocket() has no option "perMessageDeflate": the opening handshake agrees on it',
    );
    openOwnSocket({ perMessageDeflate: true });
  });

  it.each(['limits', 'heartbeat', 'messageRate', 'tokens'])('null within %s is no value', (name) => {
    const member = { limits: 'maxFrameBytes', heartbeat: 'intervalMs', messageRate: 'burst', tokens: 'bearer' }[name]!;
    expect(() => makeServer({ [name]: { [member]: null } })).toThrow(`${name}.${member} must be `);
    makeServer({ perMessageDeflate: { threshold: null } });
  });

  it('Sender#send() has no droppable', () => {
    const send = (options: object) => new Sender(duplexPair()[0]).send('x', options);
    expect(() => send({ droppable: true })).toThrow(
      new TypeError(
        'Sender#send() has no option "droppable": only WebSocket#send() and prepareMessage() and broadcast() have it',
      ),
    );
    send({ fin: true, droppable: false, priority: 5 });
  });
});

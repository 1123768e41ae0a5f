/** Every door and every name that is ours: none is swallowed, wherever it is given. */

import { describe, expect, it } from 'vitest';
import { kindOf, LIMIT_NAMES, OPTIONS, type OptionRow } from '../../src/options/option-table.ts';
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
  ['createWebSocketStream()', (options) => createWebSocketStream(new WebSocket(null), options)],
  ['perMessageDeflate', (perMessageDeflate) => makeServer({ perMessageDeflate })],
];

const NAMES_OF_WS: readonly string[] = [...SAME_IN_WS, ...WS_OPTION_NAMES.map(({ ws }) => ws)];
/** The options that only we have. */
const OUR_NAMES = [...Object.keys(OPTIONS), ...LIMIT_NAMES, 'sharedCompressor'].filter(
  (name) => !NAMES_OF_WS.includes(name),
);

describe('no door swallows a name of ours', () => {
  expect(OUR_NAMES).toContain('limits');
  expect(OUR_NAMES).toContain('closeTimeoutMs');
  const rows: Readonly<Record<string, OptionRow>> = OPTIONS;
  /** What is passed over all the same, and why. */
  const isPassedOver = (door: string, name: string): boolean => {
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

  it.each([
    ['WebSocketServer', makeServer, { followRedirects: true, maxRedirects: 5, protocolVersion: 8, signal: 5 }],
    ['WebSocket', makeClient, { clientTracking: 5, noServer: true, verifyClient: 5, server: 5, handleProtocols: 5 }],
    ['Receiver', (options: object) => new Receiver(options), { maxPendingAutoPongs: 'x', autoPong: 5, headers: 5 }],
    ['PerMessageDeflate', (options: object) => new PerMessageDeflate(options), { maxFragments: 'x', autoPong: 5 }],
  ] as const)('%s passes over what ws has at another door', (_, give, options) => {
    expect(() => give(options)).not.toThrow();
  });

  // WebSocketStream converts its own as the standard has it.
  const lenient = DOORS.filter(([door]) => !['NetServer', 'perMessageDeflate', 'WebSocketStream'].includes(door));
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

  it('Sender#send() has no droppable', () => {
    const send = (options: object) => new Sender(duplexPair()[0]).send('x', options);
    expect(() => send({ droppable: true })).toThrow(
      new TypeError('Sender#send() has no option "droppable": only WebSocket#send() has it'),
    );
    send({ fin: true, droppable: false });
  });
});

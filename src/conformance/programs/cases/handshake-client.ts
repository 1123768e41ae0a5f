/** H.7 to H.9: the opening handshake, when the testee is the client (§4.1): its request, and which answers it takes. */

import { acceptValue, parseExtensions } from '../../../handshake/index.ts';
import { Opcode } from '../../../protocol/index.ts';
import { EXTENSIONS } from '../extensions.ts';
import { type Head, type HeadChange, listOf, valuesOf } from '../heads.ts';
import {
  AGAIN,
  accepts,
  closeBody,
  expectClose,
  expectEcho,
  expectFailed,
  expectMessage,
  fails,
  HELLO,
  open,
  utf8,
} from '../moves.ts';
import { Unexpected } from '../outcome.ts';
import type { Peer } from '../peer.ts';
import { type Program, type ProgramCase, programCase } from '../program.ts';

/** Looks at the request, and accepts it. */
function asks(check: (request: Head, peer: Peer) => string | undefined): { client: Program } {
  return {
    async client(peer) {
      const fault = check(peer.request!, peer);
      await open(peer);
      if (fault !== undefined) throw new Unexpected(fault);
    },
  };
}

/** What there is in place of exactly one field with a right value. */
function unlessOnce(request: Head, name: string, isRight: (value: string) => boolean): string | undefined {
  const values = valuesOf(request, name);
  const [value = ''] = values;
  return values.length === 1 && isRight(value) ? undefined : `${name}: ${values.join(' | ') || 'none'}`;
}

function unlessListed(request: Head, name: string, token: string): string | undefined {
  return listOf(request, name).includes(token)
    ? undefined
    : `${name}: ${valuesOf(request, name).join(' | ') || 'none'}`;
}

const REQUEST: readonly ProgramCase[] = [
  programCase(
    'H.7.1',
    '§4.1',
    'MUST',
    'the method and the version of HTTP',
    'GET, and HTTP/1.1',
    asks(({ start }) => (/^GET [^ ]+ HTTP\/1\.[1-9]$/.test(start) ? undefined : start)),
  ),
  programCase(
    'H.7.2',
    '§3',
    'MUST',
    'the request-target',
    'a path or an absolute URI, without a fragment',
    asks(({ start }) => (/^\S+ (?:\/|https?:\/\/)[^# ]* /.test(start) ? undefined : start)),
  ),
  programCase(
    'H.7.3',
    '§4.1',
    'MUST',
    'Host',
    'one, with the host, and with the port unless it is the default',
    asks((request, { port }) =>
      unlessOnce(
        request,
        'host',
        (value) => /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i.test(value) && isPort(value, port),
      ),
    ),
  ),
  programCase(
    'H.7.4',
    '§4.1',
    'MUST',
    'Upgrade',
    'has websocket',
    asks((request) => unlessListed(request, 'upgrade', 'websocket')),
  ),
  programCase(
    'H.7.5',
    '§4.1',
    'MUST',
    'Connection',
    'has Upgrade',
    asks((request) => unlessListed(request, 'connection', 'upgrade')),
  ),
  programCase(
    'H.7.6',
    '§4.1',
    'MUST',
    'the key',
    'one, of 16 bytes in base64',
    asks((request) => unlessOnce(request, 'sec-websocket-key', (value) => /^[\w+/]{21}[AQgw]==$/.test(value))),
  ),
  programCase(
    'H.7.7',
    '§4.1',
    'MUST',
    'the key beside those of earlier connections',
    'another one for each connection',
    asks((request, { earlierKeys }) =>
      valuesOf(request, 'sec-websocket-key').some((key) => earlierKeys.has(key))
        ? 'an earlier key once more'
        : undefined,
    ),
  ),
  programCase(
    'H.7.8',
    '§4.1',
    'MUST',
    'the version',
    'one, and it is 13',
    asks((request) => unlessOnce(request, 'sec-websocket-version', (value) => value === '13')),
  ),
  programCase(
    'H.7.9',
    'RFC 9110 §9.3.1',
    'SHOULD',
    'a body behind the request',
    'none is announced',
    asks((request) => {
      const [length = '0'] = valuesOf(request, 'content-length');
      if (valuesOf(request, 'transfer-encoding').length > 0) return 'the request has a Transfer-Encoding';
      return /^0+$/.test(length) ? undefined : `a body of ${length} bytes is announced`;
    }),
  ),
  programCase(
    'H.7.10',
    '§9.1',
    'MUST',
    'the offer of extensions',
    'none, or one that follows the grammar',
    asks((request) => {
      const values = valuesOf(request, 'sec-websocket-extensions');
      try {
        if (values.length > 0) parseExtensions(values.join(', '));
        return undefined;
      } catch (error) {
        return `Sec-WebSocket-Extensions: ${values.join(' | ')}: ${(error as Error).message}`;
      }
    }),
  ),
];

function isPort(host: string, port: number): boolean {
  const [, named] = /:(\d+)$/.exec(host) ?? [];
  return named === undefined ? port === 80 || port === 443 : Number(named) === port;
}

const ACCEPT = 'Sec-WebSocket-Accept';
const FAILED = 'the connection is failed: what comes behind the answer is not echoed';

/** An answer without, or with another, line of a field. */
function instead(name: string, ...lines: readonly string[]): () => HeadChange {
  return () => ({ lines: { [name]: lines } });
}

/** An answer of HTTP that opens nothing, in whose body stands a frame. */
function noSwitch(start: string): { client: Program } {
  return {
    async client(peer) {
      const frame = peer.frame(Opcode.Text, HELLO);
      const added = ['Connection: close', `Content-Length: ${frame.length}`];
      const change = { start, added, lines: { Connection: [] }, body: Buffer.from(frame).toString('latin1') };
      await peer.write(peer.responseBytes(change), 'the answer');
      await expectFailed(peer);
    },
  };
}

const REFUSED: readonly ProgramCase[] = [
  programCase('H.8.1', '§4.1', 'MUST', 'the status 200, and all else right', FAILED, noSwitch('HTTP/1.1 200 OK')),
  programCase(
    'H.8.2',
    '§4.1',
    'MUST',
    'the status 404, and all else right',
    FAILED,
    noSwitch('HTTP/1.1 404 Not Found'),
  ),
  programCase(
    'H.8.3',
    '§4.1',
    'MUST',
    'an answer that is not HTTP',
    FAILED,
    fails(() => ({ start: 'WEBSOCKET 101 yes' })),
  ),
  programCase('H.8.4', '§4.1', 'MUST', 'no Upgrade', FAILED, fails(instead('Upgrade'))),
  programCase('H.8.5', '§4.1', 'MUST', 'another Upgrade', FAILED, fails(instead('Upgrade', 'Upgrade: websockets'))),
  programCase('H.8.6', '§4.1', 'MUST', 'no Connection', FAILED, fails(instead('Connection'))),
  programCase(
    'H.8.7',
    '§4.1',
    'MUST',
    'Connection without Upgrade',
    FAILED,
    fails(instead('Connection', 'Connection: keep-alive')),
  ),
  programCase('H.8.8', '§4.1', 'MUST', 'no Sec-WebSocket-Accept', FAILED, fails(instead(ACCEPT))),
  programCase(
    'H.8.9',
    '§4.1',
    'MUST',
    'the answer to another key',
    FAILED,
    fails(instead(ACCEPT, `${ACCEPT}: ${acceptValue('AQIDBAUGBwgJCgsMDQ4PEA==')}`)),
  ),
  programCase(
    'H.8.10',
    '§4.1',
    'MUST',
    'the answer to the key in lower case',
    FAILED,
    fails(({ accept }) => ({ lines: { [ACCEPT]: `${ACCEPT}: ${otherCase(accept)}` } })),
  ),
  programCase(
    'H.8.11',
    '§4.1',
    'MUST',
    'an extension that was not offered',
    FAILED,
    fails(() => ({ added: [`${EXTENSIONS}: x-framewright-none`] })),
  ),
  programCase(
    'H.8.12',
    '§9.1',
    'MUST',
    'extensions that do not follow the grammar',
    FAILED,
    fails(() => ({ added: [`${EXTENSIONS}: ; a="`] })),
  ),
  programCase(
    'H.8.13',
    '§4.1',
    'MUST',
    'a subprotocol that was not offered',
    FAILED,
    fails(() => ({ added: ['Sec-WebSocket-Protocol: x-framewright-none'] })),
  ),
];

/** Letters of the other case, so that no key is its own. */
function otherCase(accept: string): string {
  const lower = accept.toLowerCase();
  return lower === accept ? accept.toUpperCase() : lower;
}

const TAKEN = 'is taken, and messages are echoed';

/** Something before the answer, or an answer cut in its own way. */
function takenAfter(answer: (peer: Peer) => Promise<void>): { client: Program } {
  return {
    async client(peer) {
      await answer(peer);
      await expectEcho(peer);
    },
  };
}

function interim(head: string): { client: Program } {
  return takenAfter(async (peer) => {
    await peer.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), peer.responseBytes()]), `${head}, then the answer`);
  });
}

const EARLY = utf8('early');

const LEGAL: readonly ProgramCase[] = [
  programCase(
    'H.9.1',
    '§4.1',
    'SHOULD',
    'Upgrade in capitals',
    TAKEN,
    accepts(instead('Upgrade', 'Upgrade: WEBSOCKET')),
  ),
  programCase(
    'H.9.2',
    '§4.1',
    'SHOULD',
    'Connection in lower case',
    TAKEN,
    accepts(instead('Connection', 'Connection: upgrade')),
  ),
  programCase(
    'H.9.3',
    '§4.1',
    'SHOULD',
    'Connection as a list',
    TAKEN,
    accepts(instead('Connection', 'Connection: keep-alive, Upgrade')),
  ),
  programCase(
    'H.9.4',
    '§4.1',
    'SHOULD',
    'white space around the answer to the key',
    TAKEN,
    accepts(({ accept }) => ({ lines: { [ACCEPT]: `${ACCEPT}: \t ${accept}  ` } })),
  ),
  programCase(
    'H.9.5',
    'RFC 9110 §5.1',
    'SHOULD',
    'names of fields in capitals',
    TAKEN,
    accepts(() => ({ edit: (line) => line.replace(/^[^:]+:/, (name) => name.toUpperCase()) })),
  ),
  programCase(
    'H.9.6',
    '§4.1',
    'SHOULD',
    'the fields in another order',
    TAKEN,
    accepts(() => ({ isReversed: true })),
  ),
  programCase(
    'H.9.7',
    '§4.1',
    'SHOULD',
    'fields that nobody knows',
    TAKEN,
    accepts(() => ({ added: ['X-Framewright: 1', 'Set-Cookie: a=b; HttpOnly', 'Set-Cookie: c=d'] })),
  ),
  programCase(
    'H.9.8',
    'RFC 9112 §4',
    'SHOULD',
    'no reason phrase',
    TAKEN,
    accepts(() => ({ start: 'HTTP/1.1 101 ' })),
  ),
  programCase(
    'H.9.9',
    'RFC 9112 §4',
    'SHOULD',
    'another reason phrase: it says nothing',
    TAKEN,
    accepts(() => ({ start: 'HTTP/1.1 101 Web Socket Protocol Handshake' })),
  ),
  programCase(
    'H.9.10',
    '§4.1',
    'SHOULD',
    'the answer, octet by octet at both ends',
    TAKEN,
    takenAfter((peer) => peer.dribble(peer.responseBytes())),
  ),
  programCase('H.9.11', '§6.2', 'MUST', 'the first frame behind the answer, in one write', 'it is echoed', {
    async client(peer) {
      const frame = peer.frame(Opcode.Text, EARLY);
      await peer.write(Buffer.concat([peer.responseBytes(), frame]), 'the answer and a frame');
      await expectMessage(peer, EARLY);
    },
  }),
  programCase(
    'H.9.12',
    '§6.2',
    'MUST',
    'half a frame behind the answer, in one write',
    'it is echoed, once it is whole',
    {
      async client(peer) {
        const frame = peer.frame(Opcode.Text, AGAIN);
        await peer.write(Buffer.concat([peer.responseBytes(), frame.subarray(0, 3)]), 'the answer and three bytes');
        await peer.turn();
        await peer.write(frame.subarray(3));
        await expectMessage(peer, AGAIN);
      },
    },
  ),
  programCase('H.9.13', '§5.5.1', 'MUST', 'a Close frame behind the answer, in one write', 'it is answered', {
    async client(peer) {
      const frame = peer.frame(Opcode.Close, closeBody(1001));
      await peer.write(Buffer.concat([peer.responseBytes(), frame]), 'the answer and a Close frame');
      await expectClose(peer);
    },
  }),
  programCase(
    'H.9.14',
    'RFC 9110 §15.2',
    'MUST',
    'a 103 before the answer',
    TAKEN,
    interim('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload'),
  ),
  programCase(
    'H.9.15',
    'RFC 9112 §5.2',
    'INFORMATIONAL',
    'a folded line, which HTTP has given up',
    'is taken, or the connection is failed',
    {
      async client(peer) {
        await peer.write(peer.responseBytes({ added: ['X-Note: folded', ' here'] }), 'the answer');
        await peer.send(Opcode.Text, HELLO);
        await peer.next();
      },
    },
  ),
  programCase(
    'H.9.16',
    'RFC 9112 §6.3',
    'SHOULD',
    'a Content-Length in the answer: a 101 has no body whatever it says',
    'the frame behind it is echoed, or the connection is failed',
    {
      async client(peer) {
        const change = { added: ['Content-Length: 7'] };
        const frames = Buffer.concat([peer.frame(Opcode.Text, HELLO), peer.frame(Opcode.Text, AGAIN)]);
        await peer.write(Buffer.concat([peer.responseBytes(change), frames]), 'the answer and two messages');
        const event = await peer.next();
        if (Buffer.compare(event.payload, AGAIN) === 0) throw new Unexpected('the first message was taken for a body');
      },
    },
  ),
];

export const CLIENT_HANDSHAKE_CASES: readonly ProgramCase[] = [...REQUEST, ...REFUSED, ...LEGAL];

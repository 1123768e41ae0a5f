/** H.1 to H.6: the opening handshake, when the testee is the server (§4.2) and reads a request of HTTP/1.1. */

import { Opcode } from '../../../protocol/index.ts';
import { EXTENSIONS } from '../extensions.ts';
import { type Head, type HeadChange, listOf, statusOf, valuesOf } from '../heads.ts';
import {
  AGAIN,
  expectAlive,
  expectEcho,
  expectMessage,
  expectNotOpened,
  expectOpened,
  expectRefused,
  HELLO,
  open,
  opensNothing,
  refuses,
  takes,
} from '../moves.ts';
import { Unexpected } from '../outcome.ts';
import type { Peer } from '../peer.ts';
import { type Program, type ProgramCase, programCase } from '../program.ts';

const ECHO = 'is accepted, and messages are echoed';
const ERROR = 'an HTTP response with an error status';
const NOT_OPEN = 'no WebSocket is opened';

/** Looks at the answer to a request, which has to be accepted. */
function answers(check: (answer: Head, peer: Peer) => void, change: HeadChange = {}): { server: Program } {
  return {
    async server(peer) {
      check(await open(peer, change), peer);
    },
  };
}

function expectValues(head: Head, name: string, isRight: (values: readonly string[]) => boolean): void {
  const values = valuesOf(head, name);
  if (!isRight(values)) throw new Unexpected(`${name}: ${values.length === 0 ? 'none' : values.join(' | ')}`);
}

const isAbsent = (values: readonly string[]): boolean => values.length === 0;

const ANSWER: readonly ProgramCase[] = [
  programCase(
    'H.1.1',
    '§4.2.2',
    'MUST',
    'the answer to the key',
    'Sec-WebSocket-Accept is the hash of the key',
    answers((answer, { accept }) => expectValues(answer, 'sec-websocket-accept', ([value]) => value === accept)),
  ),
  programCase(
    'H.1.2',
    '§11.3.3',
    'MUST',
    'how often the answer to the key stands there',
    'Sec-WebSocket-Accept stands there once',
    answers((answer) => expectValues(answer, 'sec-websocket-accept', ({ length }) => length === 1)),
  ),
  programCase(
    'H.1.3',
    '§4.2.2',
    'MUST',
    'Upgrade of the answer',
    'Upgrade is websocket',
    answers((answer) => expectValues(answer, 'upgrade', (values) => values.join().toLowerCase() === 'websocket')),
  ),
  programCase(
    'H.1.4',
    '§4.2.2',
    'MUST',
    'Connection of the answer',
    'Connection has Upgrade',
    answers((answer) => expectValues(answer, 'connection', () => listOf(answer, 'connection').includes('upgrade'))),
  ),
  programCase(
    'H.1.5',
    '§4.2.2',
    'MUST',
    'no extension was offered',
    'no Sec-WebSocket-Extensions in the answer',
    answers((answer) => expectValues(answer, 'sec-websocket-extensions', isAbsent)),
  ),
  programCase(
    'H.1.6',
    '§4.2.2',
    'MUST',
    'no subprotocol was offered',
    'no Sec-WebSocket-Protocol in the answer',
    answers((answer) => expectValues(answer, 'sec-websocket-protocol', isAbsent)),
  ),
  programCase(
    'H.1.7',
    'RFC 9110 §8.6',
    'MUST',
    'a body behind the answer',
    'a 101 has no Content-Length and no Transfer-Encoding',
    answers((answer) => {
      expectValues(answer, 'content-length', isAbsent);
      expectValues(answer, 'transfer-encoding', isAbsent);
    }),
  ),
];

const REQUEST_LINE: readonly ProgramCase[] = [
  programCase('H.2.1', '§4.2.1', 'MUST', 'a POST', ERROR, {
    async server(peer) {
      await peer.write(peer.requestBytes({ start: `POST ${peer.target} HTTP/1.1` }), 'the request');
      await expectRefused(peer);
    },
  }),
  programCase('H.2.2', '§4.2.1', 'MUST', 'the method in lower case, which is another one', NOT_OPEN, {
    server: notOpenedBy((peer) => `get ${peer.target} HTTP/1.1`),
  }),
  programCase('H.2.3', '§4.2.1', 'MUST', 'HTTP/1.0', NOT_OPEN, {
    server: notOpenedBy((peer) => `GET ${peer.target} HTTP/1.0`),
  }),
  programCase('H.2.4', '§4.2.1', 'MUST', 'no version of HTTP at all', NOT_OPEN, {
    server: notOpenedBy((peer) => `GET ${peer.target}`),
  }),
  programCase('H.2.5', '§4.2.1', 'MUST', 'a CONNECT', NOT_OPEN, {
    server: notOpenedBy((peer) => `CONNECT ${peer.host} HTTP/1.1`),
  }),
  programCase('H.2.6', 'RFC 9112 §3.2.2', 'MUST', 'an absolute http: URI as request-target', ECHO, {
    async server(peer) {
      await open(peer, { start: `GET http://${peer.host}${peer.target} HTTP/1.1` });
      await expectEcho(peer);
    },
  }),
  programCase('H.2.7', '§4.2.1', 'MUST', 'a request-target that is neither a path nor a URI', NOT_OPEN, {
    server: notOpenedBy(() => 'GET chat HTTP/1.1'),
  }),
  programCase('H.2.8', 'RFC 9112 §3', 'SHOULD', 'a space within the request-target', NOT_OPEN, {
    server: notOpenedBy((peer) => `GET ${peer.target} b HTTP/1.1`),
  }),
  programCase('H.2.9', 'RFC 9112 §2.2', 'SHOULD', 'an empty line before the request', ECHO, takes({ before: '\r\n' })),
];

function notOpenedBy(start: (peer: Peer) => string): Program {
  return async (peer) => {
    await peer.write(peer.requestBytes({ start: start(peer) }), 'the request');
    await expectNotOpened(peer);
  };
}

const FIELDS: readonly ProgramCase[] = [
  programCase('H.3.1', '§4.2.1', 'MUST', 'no Host', ERROR, refuses({ lines: { Host: [] } })),
  programCase('H.3.2', 'RFC 9112 §3.2', 'MUST', 'two Hosts', ERROR, {
    async server(peer) {
      const lines = { Host: [`Host: ${peer.host}`, 'Host: other.example'] };
      await peer.write(peer.requestBytes({ lines }), 'the request');
      await expectRefused(peer);
    },
  }),
  programCase(
    'H.3.3',
    'RFC 9112 §3.2',
    'MUST',
    'a Host that is none',
    ERROR,
    refuses({ lines: { Host: 'Host: a b/c' } }),
  ),
  programCase('H.3.4', '§4.2.1', 'MUST', 'no Upgrade', NOT_OPEN, opensNothing({ lines: { Upgrade: [] } })),
  programCase(
    'H.3.5',
    '§4.2.1',
    'MUST',
    'Upgrade to something else',
    NOT_OPEN,
    opensNothing({ lines: { Upgrade: 'Upgrade: websockets' } }),
  ),
  programCase(
    'H.3.6',
    '§4.2.1',
    'SHOULD',
    'Upgrade in capitals: its case does not count',
    ECHO,
    takes({ lines: { Upgrade: 'Upgrade: WEBSOCKET' } }),
  ),
  programCase(
    'H.3.7',
    'RFC 9110 §7.8',
    'SHOULD',
    'Upgrade as a list',
    ECHO,
    takes({ lines: { Upgrade: 'Upgrade: example/2, websocket' } }),
  ),
  programCase(
    'H.3.8',
    'RFC 9110 §5.3',
    'SHOULD',
    'Upgrade as a list in two lines',
    ECHO,
    takes({ lines: { Upgrade: ['Upgrade: websocket', 'Upgrade: example/2'] } }),
  ),
  programCase(
    'H.3.9',
    '§4.2.1',
    'MUST',
    'Connection without Upgrade',
    NOT_OPEN,
    opensNothing({ lines: { Connection: 'Connection: keep-alive' } }),
  ),
  programCase(
    'H.3.10',
    '§4.2.1',
    'MUST',
    'Connection with a token that only ends in Upgrade',
    NOT_OPEN,
    opensNothing({ lines: { Connection: 'Connection: no-upgrade' } }),
  ),
  programCase(
    'H.3.11',
    '§4.2.1',
    'SHOULD',
    'Connection in capitals: its case does not count',
    ECHO,
    takes({ lines: { Connection: 'Connection: UPGRADE' } }),
  ),
  programCase(
    'H.3.12',
    '§4.2.1',
    'SHOULD',
    'Connection as a list, as Firefox sends it',
    ECHO,
    takes({ lines: { Connection: 'Connection: keep-alive, Upgrade' } }),
  ),
  programCase(
    'H.3.13',
    'RFC 9110 §5.3',
    'SHOULD',
    'Connection as a list in two lines',
    ECHO,
    takes({ lines: { Connection: ['Connection: Upgrade', 'Connection: keep-alive'] } }),
  ),
  programCase(
    'H.3.14',
    'RFC 9110 §5.6.1',
    'MUST',
    'empty elements in the list of Connection',
    ECHO,
    takes({ lines: { Connection: 'Connection: ,, Upgrade ,' } }),
  ),
  programCase(
    'H.3.15',
    'RFC 9110 §5.1',
    'SHOULD',
    'names of fields in lower case',
    ECHO,
    takes({ edit: lowerCaseName }),
  ),
  programCase('H.3.16', '§4.2.1', 'SHOULD', 'the fields in another order', ECHO, takes({ isReversed: true })),
  programCase(
    'H.3.17',
    '§4.2.1',
    'SHOULD',
    'fields that nobody knows',
    ECHO,
    takes({ added: ['X-Framewright: 1', 'Sec-WebSocket-Unknown: 2', 'Priority: u=1, i'] }),
  ),
];

function lowerCaseName(line: string): string {
  const colon = line.indexOf(': ');
  return line.startsWith('GET ') ? line : line.slice(0, colon).toLowerCase() + line.slice(colon);
}

const KEY = 'Sec-WebSocket-Key';
const VERSION = 'Sec-WebSocket-Version';

function key(value: string): HeadChange {
  return { lines: { [KEY]: `${KEY}: ${value}` } };
}

function version(...values: readonly string[]): HeadChange {
  return { lines: { [VERSION]: values.map((value) => `${VERSION}: ${value}`) } };
}

/** A version that no server understands: it has to say which it does. */
function refusesVersion(value: string): { server: Program } {
  return {
    async server(peer) {
      await peer.write(peer.requestBytes(version(value)), 'the request');
      const answer = await expectRefused(peer);
      expectValues(answer, 'sec-websocket-version', () => listOf(answer, 'sec-websocket-version').includes('13'));
    },
  };
}

const KEY_AND_VERSION: readonly ProgramCase[] = [
  programCase('H.4.1', '§4.2.1', 'MUST', 'no key', ERROR, refuses({ lines: { [KEY]: [] } })),
  programCase('H.4.2', '§4.2.1', 'MUST', 'an empty key', ERROR, refuses(key(''))),
  programCase('H.4.3', '§4.2.1', 'MUST', 'a key of 15 bytes', ERROR, refuses(key('AQIDBAUGBwgJCgsMDQ4P'))),
  programCase('H.4.4', '§4.2.1', 'MUST', 'a key of 17 bytes', ERROR, refuses(key('AQIDBAUGBwgJCgsMDQ4PEBE='))),
  programCase('H.4.5', '§4.2.1', 'MUST', 'a key without its padding', ERROR, refuses(key('AQIDBAUGBwgJCgsMDQ4PEA'))),
  programCase(
    'H.4.6',
    '§4.2.1',
    'MUST',
    'a key in the other alphabet of base64',
    ERROR,
    refuses(key('-_-_BAUGBwgJCgsMDQ4PEA==')),
  ),
  programCase('H.4.7', '§11.3.1', 'MUST', 'two keys', ERROR, {
    async server(peer) {
      const lines = [`${KEY}: ${peer.key}`, `${KEY}: AQIDBAUGBwgJCgsMDQ4PEA==`];
      await peer.write(peer.requestBytes({ lines: { [KEY]: lines } }), 'the request');
      await expectRefused(peer);
    },
  }),
  programCase(
    'H.4.8',
    'RFC 9110 §5.5',
    'MUST',
    'white space around the key: it does not belong to it',
    'is accepted, and the answer is that to the key alone',
    {
      async server(peer) {
        const answer = await open(peer, key(`\t  ${peer.key} \t`));
        expectValues(answer, 'sec-websocket-accept', (values) => values.includes(peer.accept));
      },
    },
  ),
  programCase(
    'H.4.9',
    'RFC 4648 §3.5',
    'INFORMATIONAL',
    'a key with bits set that no byte has',
    'is accepted or refused',
    {
      async server(peer) {
        await peer.write(peer.requestBytes(key('AQIDBAUGBwgJCgsMDQ4PEC==')), 'the request');
        await peer.head();
      },
    },
  ),
  programCase('H.4.10', '§4.2.1', 'MUST', 'no version', ERROR, refuses(version())),
  programCase(
    'H.4.11',
    '§4.2.2',
    'MUST',
    'version 12',
    `${ERROR}, and Sec-WebSocket-Version with 13`,
    refusesVersion('12'),
  ),
  programCase(
    'H.4.12',
    '§4.4',
    'MUST',
    'version 255',
    `${ERROR}, and Sec-WebSocket-Version with 13`,
    refusesVersion('255'),
  ),
  programCase('H.4.13', '§4.3', 'MUST', 'version 013: numbers have no leading zeros', ERROR, refuses(version('013'))),
  programCase('H.4.14', '§11.3.5', 'MUST', 'two versions', ERROR, refuses(version('13', '8'))),
];

const SUBPROTOCOLS = 'Sec-WebSocket-Protocol';

const OFFERS: readonly ProgramCase[] = [
  programCase(
    'H.5.1',
    '§4.2.2',
    'MUST',
    'two subprotocols offered',
    'the answer has one of them, or none',
    answers(
      (answer) =>
        expectValues(answer, 'sec-websocket-protocol', ([value = 'b.example']) => /^[ab]\.example$/.test(value)),
      { added: [`${SUBPROTOCOLS}: a.example, b.example`] },
    ),
  ),
  programCase(
    'H.5.2',
    '§11.3.4',
    'MUST',
    'how often the subprotocol stands in the answer',
    'at most once',
    answers((answer) => expectValues(answer, 'sec-websocket-protocol', ({ length }) => length < 2), {
      added: [`${SUBPROTOCOLS}: c.example, d.example`],
    }),
  ),
  programCase(
    'H.5.3',
    '§11.3.4',
    'SHOULD',
    'subprotocols offered in two lines',
    ECHO,
    takes({ added: [`${SUBPROTOCOLS}: e.example`, `${SUBPROTOCOLS}: f.example`] }),
  ),
  programCase(
    'H.5.4',
    '§4.2.1',
    'MUST',
    'a subprotocol that is no token',
    ERROR,
    refuses({ added: [`${SUBPROTOCOLS}: g.example, h example`] }),
  ),
  programCase(
    'H.5.5',
    '§4.1',
    'INFORMATIONAL',
    'a subprotocol offered twice: the client must not',
    'is accepted or refused',
    {
      async server(peer) {
        await peer.write(peer.requestBytes({ added: [`${SUBPROTOCOLS}: i.example, i.example`] }), 'the request');
        await peer.head();
      },
    },
  ),
  programCase(
    'H.5.6',
    '§4.2.2',
    'SHOULD',
    'an extension that nobody knows',
    'is accepted without it',
    answers(
      (answer) =>
        expectValues(answer, 'sec-websocket-extensions', (values) => !values.join().includes('x-framewright')),
      { added: [`${EXTENSIONS}: x-framewright-none; level=1`] },
    ),
  ),
  programCase(
    'H.5.7',
    '§9.1',
    'SHOULD',
    'extensions offered in two lines',
    ECHO,
    takes({ added: [`${EXTENSIONS}: x-none-1`, `${EXTENSIONS}: x-none-2; a="b"`] }),
  ),
  ...[
    ['H.5.8', 'an extension with an open quote', 'x-none; a="b'],
    ['H.5.9', 'an extension without a name', '; a=b'],
    ['H.5.10', 'an extension whose quoted value is no token', 'x-none; a="b c"'],
    ['H.5.11', 'an extension with an equals sign and no value', 'x-none; a='],
  ].map(([id = '', summary = '', value]) =>
    programCase(id, '§9.1', 'MUST', summary, ERROR, refuses({ added: [`${EXTENSIONS}: ${value}`] })),
  ),
];

/** A masked text frame in the place of a body: who takes it for a frame has been smuggled past. */
const SMUGGLED = Buffer.of(0x81, 0x88, 0, 0, 0, 0, ...Buffer.from('smuggled'));

/** Refused, or read as the body that it is. */
function smuggles(fields: readonly string[], body: string): { server: Program } {
  return {
    async server(peer) {
      await peer.write(peer.requestBytes({ added: fields, body }), 'the request and its body');
      const head = await peer.head();
      if (head === undefined || statusOf(head) !== 101) return;
      await peer.send(Opcode.Text, HELLO);
      const event = await peer.next();
      if (event.payload.length === SMUGGLED.length - 6) throw new Unexpected('the body was read as a frame');
    },
  };
}

const latin1 = SMUGGLED.toString('latin1');
const NOT_A_FRAME = 'is refused, or read as the body that it is: never as a frame';

const HTTP: readonly ProgramCase[] = [
  programCase('H.6.1', '§4.2.1', 'SHOULD', 'the request, octet by octet at both ends', ECHO, {
    async server(peer) {
      await peer.dribble(peer.requestBytes());
      await expectOpened(peer);
      await expectEcho(peer);
    },
  }),
  programCase('H.6.2', '§4.2.2', 'SHOULD', 'the first frame behind the request, in one write', 'it is echoed', {
    async server(peer) {
      await peer.write(Buffer.concat([peer.requestBytes(), peer.frame(Opcode.Text, HELLO)]), 'the request and a frame');
      await expectOpened(peer);
      await expectMessage(peer, HELLO);
    },
  }),
  programCase(
    'H.6.3',
    '§4.2.2',
    'SHOULD',
    'half a frame behind the request, the rest behind the answer',
    'it is echoed',
    {
      async server(peer) {
        const frame = peer.frame(Opcode.Text, AGAIN);
        await peer.write(Buffer.concat([peer.requestBytes(), frame.subarray(0, 4)]), 'the request and four bytes');
        await expectOpened(peer);
        await peer.write(frame.subarray(4));
        await expectMessage(peer, AGAIN);
      },
    },
  ),
  programCase(
    'H.6.4',
    'RFC 9112 §9.3',
    'MUST',
    'a Content-Length, and a frame in the place of the body',
    NOT_A_FRAME,
    smuggles([`Content-Length: ${SMUGGLED.length}`], latin1),
  ),
  programCase(
    'H.6.5',
    'RFC 9112 §9.3',
    'MUST',
    'Transfer-Encoding: chunked, and a frame in the place of the body',
    NOT_A_FRAME,
    smuggles(['Transfer-Encoding: chunked'], latin1),
  ),
  programCase(
    'H.6.6',
    'RFC 9112 §6.3',
    'MUST',
    'two Content-Lengths that differ',
    ERROR,
    refuses({ added: ['Content-Length: 0', 'Content-Length: 5'], body: 'hello' }),
  ),
  programCase(
    'H.6.7',
    'RFC 9112 §6.3',
    'MUST',
    'a Content-Length that is no number',
    ERROR,
    refuses({ added: ['Content-Length: 5x'], body: 'hello' }),
  ),
  programCase('H.6.8', 'RFC 9110 §8.6', 'SHOULD', 'Content-Length: 0', ECHO, takes({ added: ['Content-Length: 0'] })),
  programCase(
    'H.6.9',
    'RFC 9112 §5.1',
    'MUST',
    'white space before a colon',
    ERROR,
    refuses({ lines: { Upgrade: 'Upgrade : websocket' } }),
  ),
  programCase(
    'H.6.10',
    'RFC 9112 §5.2',
    'MUST',
    'a folded line that looks like a field',
    NOT_OPEN,
    opensNothing({ lines: { [VERSION]: ['X-Note: folded', ` ${VERSION}: 13`] } }),
  ),
  programCase(
    'H.6.11',
    'RFC 9112 §2.2',
    'MUST',
    'a CR without its LF within a value',
    NOT_OPEN,
    opensNothing({ lines: { Connection: 'Connection: Upg\rrade' } }),
  ),
  programCase(
    'H.6.12',
    'RFC 9110 §5.5',
    'MUST',
    'a NUL within a value',
    NOT_OPEN,
    opensNothing({ lines: { Connection: 'Connection: Upgra\0de' } }),
  ),
  programCase('H.6.13', '§4.2.1', 'MUST', 'a line without a colon', ERROR, refuses({ added: ['no colon'] })),
  programCase(
    'H.6.14',
    '§4.2.1',
    'MUST',
    'a name with a character that names do not have',
    ERROR,
    refuses({ added: ['X(Y: z'] }),
  ),
  programCase('H.6.15', 'RFC 9112 §2.2', 'INFORMATIONAL', 'lines that end in LF alone', 'is accepted or refused', {
    async server(peer) {
      await peer.write(peer.requestBytes({ lineEnd: '\n' }), 'the request');
      await peer.head();
    },
  }),
  programCase(
    'H.6.16',
    'RFC 9110 §5.4',
    'SHOULD',
    'a field of 1 MiB',
    'an error status, or the end of TCP while it is written',
    {
      async server(peer) {
        const request = peer.requestBytes({ added: [`X-Large: ${'x'.repeat(1024 * 1024)}`] });
        const isTaken = peer.write(request, 'a request of 1 MiB');
        await expectNotOpened(peer);
        peer.destroy();
        await isTaken;
        await expectAlive(peer);
      },
    },
  ),
];

export const SERVER_HANDSHAKE_CASES: readonly ProgramCase[] = [
  ...ANSWER,
  ...REQUEST_LINE,
  ...FIELDS,
  ...KEY_AND_VERSION,
  ...OFFERS,
  ...HTTP,
];

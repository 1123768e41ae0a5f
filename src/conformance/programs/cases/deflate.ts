/**
 * D: permessage-deflate (RFC 7692), of which groups 12 and 13 see what is agreed on and kept. Here: offers and answers that
 * break the rules (RFC 7692 §7), every kind of block and of context in what the testee receives, and the limits of what it sends.
 */

import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { Opcode } from '../../../protocol/index.ts';
import { Inflater } from '../../deflate.ts';
import { answerLine, deflated, extensionLine, openDeflate, requireOffer, type Terms, termsOf } from '../extensions.ts';
import { statusOf } from '../heads.ts';
import { AGAIN, expectEcho, expectFailed, expectMessage, expectPong, HELLO, NOTHING, open, utf8 } from '../moves.ts';
import { Unavailable, Unexpected } from '../outcome.ts';
import type { Peer } from '../peer.ts';
import { inBothRoles, type Program, type ProgramCase, programCase, type Severity } from '../program.ts';

const RSV1 = 4;
const MAX_BYTES = 16 * 1024 * 1024;

// ---- The answer of a server ----------------------------------------------------------------------------------------

/** Looks at what the server agrees to, if anything. */
function offered(offer: string, check: (terms: Terms) => string | undefined): { server: Program } {
  return {
    async server(peer) {
      const fault = check(await openDeflate(peer, { offer }));
      if (fault !== undefined) throw new Unexpected(fault);
    },
  };
}

/** An offer that breaks the rules: compression must not come of it. */
function declines(id: string, summary: string, offer: string): ProgramCase {
  return programCase(id, 'RFC 7692 §7', 'MUST', summary, 'the offer is declined', {
    async server(peer) {
      const { length } = await answerTo(peer, [extensionLine(offer)]);
      if (length > 0) throw new Unexpected('the server agreed to the offer');
    },
  });
}

function isWindow(value: string | undefined, most = 15): boolean {
  return value !== undefined && /^(?:[89]|1[0-5])$/.test(value) && Number(value) <= most;
}

const SERVER_BITS = 'server_max_window_bits';
const CLIENT_BITS = 'client_max_window_bits';
const SERVER_CONTEXT = 'server_no_context_takeover';
const CLIENT_CONTEXT = 'client_no_context_takeover';

function unlessWindow(terms: Terms, name: string, most: number): string | undefined {
  const value = terms.get(name);
  return isWindow(value, most) ? undefined : `${name} is ${value === undefined ? 'missing' : JSON.stringify(value)}`;
}

const ANSWERS: readonly ProgramCase[] = [
  programCase(
    'D.1.1',
    'RFC 7692 §7.1.2.2',
    'MUST',
    'an offer without client_max_window_bits',
    'the answer does not have it',
    offered('', (terms) => (terms.has(CLIENT_BITS) ? `the answer has ${CLIENT_BITS}` : undefined)),
  ),
  programCase(
    'D.1.2',
    'RFC 7692 §7.1.2.1',
    'SHOULD',
    'an offer with server_max_window_bits=10',
    'the answer has it, with 10 or less, or declines',
    offered(`${SERVER_BITS}=10`, (terms) => unlessWindow(terms, SERVER_BITS, 10)),
  ),
  programCase(
    'D.1.3',
    'RFC 7692 §7.1.1.1',
    'SHOULD',
    'an offer with server_no_context_takeover',
    'the answer has it, or declines',
    offered(SERVER_CONTEXT, (terms) => (terms.has(SERVER_CONTEXT) ? undefined : `${SERVER_CONTEXT} is missing`)),
  ),
  programCase(
    'D.1.4',
    'RFC 7692 §7.1.2.2',
    'MUST',
    'an offer with client_max_window_bits',
    'the answer has it with a number from 8 to 15, or does not have it',
    offered(CLIENT_BITS, (terms) => (terms.has(CLIENT_BITS) ? unlessWindow(terms, CLIENT_BITS, 15) : undefined)),
  ),
  programCase(
    'D.1.5',
    '§9.1',
    'SHOULD',
    'an offer with server_max_window_bits="11", which is the same as without quotes',
    'the answer has it, with 11 or less, or declines',
    offered(`${SERVER_BITS}="11"`, (terms) => unlessWindow(terms, SERVER_BITS, 11)),
  ),
  declines('D.1.6', 'an offer with a parameter that nobody knows', 'x_unknown'),
  declines('D.1.7', 'an offer with server_max_window_bits=7', `${SERVER_BITS}=7`),
  declines('D.1.8', 'an offer with server_max_window_bits=16', `${SERVER_BITS}=16`),
  declines('D.1.9', 'an offer with server_max_window_bits=08', `${SERVER_BITS}=08`),
  declines('D.1.10', 'an offer with server_max_window_bits without a value', SERVER_BITS),
  declines('D.1.11', 'an offer with client_max_window_bits=16', `${CLIENT_BITS}=16`),
  declines('D.1.12', 'an offer with a value for server_no_context_takeover', `${SERVER_CONTEXT}=1`),
  declines('D.1.13', 'an offer with server_no_context_takeover twice', `${SERVER_CONTEXT}; ${SERVER_CONTEXT}`),
  programCase(
    'D.1.14',
    'RFC 7692 §7',
    'SHOULD',
    'an offer that breaks the rules, and a second that does not',
    'the answer is to the second, or declines',
    {
      async server(peer) {
        const added = [`${extensionLine(`${SERVER_BITS}=6`)}, permessage-deflate; ${SERVER_CONTEXT}`];
        const [terms] = await answerTo(peer, added);
        if (terms !== undefined && !terms.has(SERVER_CONTEXT)) throw new Unexpected(`${SERVER_CONTEXT} is missing`);
      },
    },
  ),
  programCase('D.1.15', '§9.1', 'SHOULD', 'two offers that could both be met', 'one of them is met, or none', {
    async server(peer) {
      const added = [`${extensionLine(CLIENT_BITS)}, permessage-deflate`];
      const { length } = await answerTo(peer, added);
      if (length > 1) throw new Unexpected(`the answer agrees to ${length} of them`);
    },
  }),
];

/** What the server agrees to; nothing when it refuses the whole request. */
async function answerTo(peer: Peer, added: readonly string[]): Promise<Terms[]> {
  await peer.write(peer.requestBytes({ added }), 'the request');
  const head = await peer.head();
  return head === undefined || statusOf(head) !== 101 ? [] : termsOf(head);
}

// ---- What a client takes for an answer -----------------------------------------------------------------------------

function failsOnAnswer(
  id: string,
  summary: string,
  parametersOf: (terms: Terms) => string,
  section = '7',
): ProgramCase {
  return programCase(id, `RFC 7692 §${section}`, 'MUST', summary, 'the connection is failed', {
    async client(peer) {
      const offered = requireOffer(peer);
      const added = [answerLine(offered, parametersOf(offered))];
      await peer.write(peer.responseBytes({ added }), 'the answer');
      await peer.send(Opcode.Text, HELLO);
      await expectFailed(peer);
    },
  });
}

function takesAnswer(
  id: string,
  clause: string,
  summary: string,
  answer: string,
  severity: Severity = 'SHOULD',
): ProgramCase {
  return programCase(id, clause, severity, summary, 'is taken, and messages are echoed', {
    async client(peer) {
      await openDeflate(peer, { answer });
      await expectEcho(peer);
    },
  });
}

const ACCEPTED: readonly ProgramCase[] = [
  failsOnAnswer('D.2.1', 'an answer with a parameter that nobody knows', () => 'x_unknown'),
  failsOnAnswer('D.2.2', 'an answer with server_max_window_bits=7', () => `${SERVER_BITS}=7`),
  failsOnAnswer('D.2.3', 'an answer with server_max_window_bits=16', () => `${SERVER_BITS}=16`),
  failsOnAnswer('D.2.4', 'an answer with server_max_window_bits=09', () => `${SERVER_BITS}=09`),
  failsOnAnswer('D.2.5', 'an answer with server_max_window_bits without a value', () => SERVER_BITS),
  failsOnAnswer('D.2.6', 'an answer with client_max_window_bits without a value', () => CLIENT_BITS),
  failsOnAnswer('D.2.7', 'an answer with a value for client_no_context_takeover', () => `${CLIENT_CONTEXT}=1`),
  failsOnAnswer(
    'D.2.8',
    'an answer with server_no_context_takeover twice',
    () => `${SERVER_CONTEXT}; ${SERVER_CONTEXT}`,
  ),
  failsOnAnswer(
    'D.2.9',
    'an answer with client_max_window_bits=10, which was not offered',
    (terms) => {
      if (terms.has(CLIENT_BITS)) throw new Unavailable(`the client offers ${CLIENT_BITS}`);
      return `${CLIENT_BITS}=10`;
    },
    '5',
  ),
  takesAnswer('D.2.10', 'RFC 7692 §7.1.1.1', 'an answer with server_no_context_takeover, unasked', SERVER_CONTEXT),
  takesAnswer(
    'D.2.11',
    'RFC 7692 §7.1.1.2',
    'an answer with both no_context_takeovers, unasked',
    `${CLIENT_CONTEXT}; ${SERVER_CONTEXT}`,
    // A client has to support the one of its own side. The other asks nothing of it.
    'MUST',
  ),
  takesAnswer('D.2.12', 'RFC 7692 §7.1.2.1', 'an answer with server_max_window_bits=10, unasked', `${SERVER_BITS}=10`),
];

// ---- What the testee receives --------------------------------------------------------------------------------------

/** Sends compressed messages, and asks for their echoes. */
function inflates(
  id: string,
  section: string,
  summary: string,
  send: (peer: Peer, terms: Terms) => Promise<readonly Uint8Array[]>,
  severity: Severity = 'MUST',
): ProgramCase {
  return programCase(
    id,
    `RFC 7692 §${section}`,
    severity,
    summary,
    'each message is echoed',
    inBothRoles(async (peer) => {
      const terms = await openDeflate(peer);
      for (const message of await send(peer, terms)) await expectMessage(peer, message, true);
    }),
  );
}

async function sendCompressed(peer: Peer, payload: Uint8Array): Promise<void> {
  await peer.send(Opcode.Binary, payload, { rsv: RSV1 });
}

/** @throws {Unavailable} when the testee wants messages that stand alone, or a small window */
function requireContext({ role }: Peer, terms: Terms): void {
  const [context, bits] = role === 'server' ? [SERVER_CONTEXT, SERVER_BITS] : [CLIENT_CONTEXT, CLIENT_BITS];
  if (terms.has(context)) throw new Unavailable('the testee asks for messages that stand alone');
  if (terms.has(bits) && terms.get(bits) !== '15') throw new Unavailable('the testee asks for a small window');
}

/** Bytes in which nothing comes twice. */
function noise(length: number, seed = 'noise'): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) pieces.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

const WORDS = utf8('the quick brown fox jumps over the lazy dog, again and again and again');
const TAIL = Buffer.of(0, 0, 0xff, 0xff);
const FAR_BYTES = 32_000;

const RECEIVED: readonly ProgramCase[] = [
  inflates('D.3.1', '7.2.2', 'two messages, of which the second refers to the first', async (peer, terms) => {
    requireContext(peer, terms);
    await sendCompressed(peer, deflated(WORDS));
    await sendCompressed(peer, deflated(WORDS.subarray(4), WORDS));
    return [WORDS, WORDS.subarray(4)];
  }),
  inflates('D.3.2', '7.2.3.6', 'an empty message, of one byte', async (peer) => {
    await sendCompressed(peer, Buffer.of(0));
    return [NOTHING];
  }),
  inflates('D.3.3', '7.2.3.3', 'a block that is not compressed', async (peer) => {
    const stored = Buffer.concat([Buffer.of(0, WORDS.length, 0, ~WORDS.length & 0xff, 0xff), WORDS, Buffer.of(0)]);
    await sendCompressed(peer, stored);
    return [WORDS];
  }),
  inflates('D.3.4', '7.2.1', 'a block with codes of its own', async (peer) => {
    const letters = Buffer.from(noise(4000).map((byte) => 97 + (byte & (byte >> 4) & 7)));
    await sendCompressed(peer, deflated(letters));
    return [letters];
  }),
  inflates('D.3.5', '7.2.3.4', 'a block that says it is the last, and a message behind it', async (peer) => {
    await sendCompressed(peer, Buffer.concat([deflateRawSync(AGAIN), Buffer.of(0)]));
    await sendCompressed(peer, deflated(HELLO));
    return [AGAIN, HELLO];
  }),
  inflates('D.3.6', '7.2.3.5', 'two blocks in one message', async (peer) => {
    await sendCompressed(peer, Buffer.concat([deflated(HELLO), TAIL, deflated(AGAIN)]));
    return [Buffer.concat([HELLO, AGAIN])];
  }),
  inflates('D.3.7', '6.2', 'a message in fragments of one byte each, and one that is empty', async (peer) => {
    const payload = deflated(WORDS);
    await peer.send(Opcode.Binary, NOTHING, { rsv: RSV1, fin: false });
    for (const [i] of payload.entries()) {
      await peer.send(Opcode.Continuation, payload.subarray(i, i + 1), { fin: i === payload.length - 1 });
    }
    return [WORDS];
  }),
  inflates(
    'D.3.8',
    '7.2.2',
    'compressed, plain, compressed: the plain one is not in the window',
    async (peer, terms) => {
      requireContext(peer, terms);
      await sendCompressed(peer, deflated(WORDS));
      await peer.send(Opcode.Binary, AGAIN);
      await sendCompressed(peer, deflated(WORDS.subarray(9), WORDS));
      return [WORDS, AGAIN, WORDS.subarray(9)];
    },
  ),
  inflates('D.3.9', '7.2.2', 'a reference that goes back by 32,000 bytes', async (peer, terms) => {
    requireContext(peer, terms);
    const far = Buffer.concat([noise(FAR_BYTES), noise(300)]);
    await sendCompressed(peer, deflated(far));
    return [far];
  }),
  programCase(
    'D.3.10',
    '§5.4',
    'MUST',
    'a ping between the fragments of a compressed message',
    'the ping is answered, then the message is echoed',
    inBothRoles(async (peer) => {
      await openDeflate(peer);
      const payload = deflated(WORDS);
      await peer.send(Opcode.Binary, payload.subarray(0, 9), { rsv: RSV1, fin: false });
      await peer.send(Opcode.Ping, HELLO);
      await expectPong(peer, HELLO);
      await peer.send(Opcode.Continuation, payload.subarray(9));
      await expectMessage(peer, WORDS, true);
    }),
  ),
];

function failsCompressed(
  id: string,
  clause: string,
  severity: Severity,
  summary: string,
  send: (peer: Peer) => Promise<void>,
): ProgramCase {
  return programCase(
    id,
    clause,
    severity,
    summary,
    'the connection is failed',
    inBothRoles(async (peer) => {
      await openDeflate(peer);
      await send(peer);
      await peer.send(Opcode.Binary, AGAIN);
      await expectFailed(peer);
    }),
  );
}

const BREACHES: readonly ProgramCase[] = [
  failsCompressed('D.4.1', 'RFC 7692 §6.1', 'MUST', 'RSV1 on the second fragment', async (peer) => {
    const payload = deflated(WORDS);
    await peer.send(Opcode.Binary, payload.subarray(0, 9), { rsv: RSV1, fin: false });
    await peer.send(Opcode.Continuation, payload.subarray(9), { rsv: RSV1 });
  }),
  failsCompressed('D.4.2', 'RFC 7692 §6.1', 'MUST', 'RSV1 on a ping', (peer) =>
    peer.send(Opcode.Ping, HELLO, { rsv: RSV1 }),
  ),
  failsCompressed('D.4.3', 'RFC 7692 §6.1', 'MUST', 'RSV1 on a pong', (peer) =>
    peer.send(Opcode.Pong, HELLO, { rsv: RSV1 }),
  ),
  failsCompressed('D.4.4', '§5.2', 'MUST', 'RSV2 beside RSV1', (peer) =>
    peer.send(Opcode.Binary, deflated(WORDS), { rsv: RSV1 | 2 }),
  ),
  failsCompressed('D.4.5', 'RFC 7692 §7.2.2', 'SHOULD', 'a block of a type that does not exist', (peer) =>
    sendCompressed(peer, Buffer.of(0x07, 0x12, 0x34)),
  ),
  failsCompressed('D.4.6', 'RFC 7692 §7.2.2', 'SHOULD', 'a reference to before the first message', (peer) =>
    sendCompressed(peer, deflated(WORDS, WORDS)),
  ),
  failsCompressed('D.4.7', '§8.1', 'MUST', 'compressed text that is not UTF-8', (peer) =>
    peer.send(Opcode.Text, deflated(Buffer.of(0x61, 0xc3, 0x28)), { rsv: RSV1 }),
  ),
];

// ---- What the testee sends -----------------------------------------------------------------------------------------

/** Sends messages that compress well, and reads the echoes as strictly as was agreed. */
function keeps(
  id: string,
  section: string,
  severity: Severity,
  summary: string,
  expected: string,
  { server, client }: { server: string; client: string },
  direction: { windowBits: number; keepsContext: boolean },
  messages: readonly Uint8Array[],
): ProgramCase {
  return programCase(
    id,
    `RFC 7692 §${section}`,
    severity,
    summary,
    expected,
    inBothRoles(async (peer) => {
      const isServer = peer.role === 'server';
      const name = (isServer ? client : server).split('=')[0]!;
      const terms = await openDeflate(peer, { offer: server, answer: client }, true);
      // A client need not take a smaller window when it has not said so; a server that leaves it out is another case.
      if ((!isServer || name === CLIENT_BITS) && !terms.has(name)) throw new Unavailable(`${name} is not agreed on`);
      peer.inflater = new Inflater(direction, MAX_BYTES);
      for (const message of messages) await expectEcho(peer, message, true);
    }),
  );
}

const RANDOM = noise(3000);

const SENT: readonly ProgramCase[] = [
  keeps(
    'D.5.1',
    '7.2.1',
    'MUST',
    'the same message twice, and no context is taken over',
    'the second echo stands alone',
    { server: SERVER_CONTEXT, client: CLIENT_CONTEXT },
    { windowBits: 15, keepsContext: false },
    [RANDOM, RANDOM],
  ),
  keeps(
    'D.5.2',
    '7.2.1',
    'MUST',
    'a message with the same 700 bytes twice, and a window of 9 bits',
    'no reference goes back by more than 512 bytes',
    { server: `${SERVER_BITS}=9`, client: `${CLIENT_BITS}=9` },
    { windowBits: 9, keepsContext: true },
    [Buffer.concat([noise(700), noise(700)])],
  ),
  keeps(
    'D.5.3',
    '7.2.1',
    'MUST',
    'messages with the same 300 bytes twice, and a window of 8 bits',
    'no reference goes back by more than 256 bytes',
    { server: `${SERVER_BITS}=8`, client: `${CLIENT_BITS}=8` },
    { windowBits: 8, keepsContext: true },
    [Buffer.concat([noise(300), noise(300), noise(300), noise(300), noise(300)])],
  ),
  programCase(
    'D.5.4',
    'RFC 7692 §6.1',
    'MUST',
    'a pong, where compression is agreed on',
    'it has no RSV1',
    inBothRoles(async (peer) => {
      await openDeflate(peer);
      await peer.send(Opcode.Ping, Buffer.alloc(120, 'ping'));
      const frame = await peer.nextFrame();
      if (frame?.opcode === Opcode.Pong && frame.rsv !== 0) throw new Unexpected('the pong has a reserved bit set');
    }),
  ),
  programCase(
    'D.5.5',
    '§5.2',
    'MUST',
    'a message that compresses well, where no compression is agreed on',
    'the echo has no RSV1',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Text, Buffer.alloc(4000, 'again and '));
      const frame = await peer.nextFrame();
      if (frame?.opcode === Opcode.Text && frame.rsv !== 0) throw new Unexpected('the echo has a reserved bit set');
    }),
  ),
  programCase(
    'D.5.6',
    'RFC 7692 §7.2.1',
    'MUST',
    'a message that compresses well',
    'the echo, if it is compressed, ends without the four bytes 00 00 ff ff',
    inBothRoles(async (peer) => {
      await openDeflate(peer);
      await peer.send(Opcode.Text, Buffer.alloc(5000, 'again and '));
      for (;;) {
        const frame = await peer.nextFrame();
        if (frame === undefined || (frame.fin && frame.payload.length < 4)) return;
        if (frame.rsv !== RSV1 && frame.opcode !== Opcode.Continuation) return;
        if (!frame.fin) continue;
        if (TAIL.equals(frame.payload.subarray(-4))) throw new Unexpected('the echo ends in 00 00 ff ff');
        return;
      }
    }),
  ),
];

export const DEFLATE_CASES: readonly ProgramCase[] = [...ANSWERS, ...ACCEPTED, ...RECEIVED, ...BREACHES, ...SENT];

/**
 * Eight lessons, from the upgrade to compression. Each has bytes to change and a task, which the parser of production
 * checks. Each also has a part of a parser in plain JavaScript: one behind the other they are a whole one, and a test runs
 * it beside the reference reader.
 */

import type { Role } from '../../protocol/index.ts';
import { type Check, checkBytes, checkHead, hasFrames, hasPayloadUpTo, hears, isMaskedWith } from './check.ts';

/** A declaration in a file below src. */
export interface Source {
  readonly file: string;
  readonly symbol: string;
}

export interface Lesson {
  readonly id: string;
  readonly title: string;
  readonly text: readonly string[];
  readonly task: string;
  readonly hint: string;
  /** Who reads the bytes; undefined where they are the head of a request. */
  readonly reader: Role | undefined;
  /** What is there to be changed: bytes in hex, or the head as text. */
  readonly start: string;
  readonly solution: string;
  /** What the page puts behind the bytes, in words. */
  readonly behind?: string;
  readonly check: Check;
  readonly sections: readonly string[];
  readonly sources: readonly Source[];
  /** Patterns for `framewright conformance --cases`. */
  readonly cases: string;
  /** Of the learner's own parser. */
  readonly code: string;
}

const LONG_BYTES = 300;
const XS = 'x'.repeat(LONG_BYTES);

export const LESSONS: readonly Lesson[] = [
  {
    id: 'upgrade',
    title: 'The upgrade',
    text: [
      'A WebSocket begins as an HTTP request. The client asks to go on with another protocol on the same TCP connection. If the server agrees, it answers 101, and from then on no HTTP is spoken there.',
      'The client sends 16 random bytes as Sec-WebSocket-Key. The server puts a fixed text behind the key, takes the SHA-1 of both, and sends that back as Sec-WebSocket-Accept. A server that does not know WebSocket cannot do this by chance. So the client knows that it was understood.',
    ],
    task: 'A server refuses the request below. Change it until the server accepts it. There is more than one fault.',
    hint: 'The version of the protocol is 13. The key is 16 bytes in Base64: 22 characters and two "=".',
    reader: undefined,
    start:
      'GET /chat HTTP/1.1\nHost: example.com\nUpgrade: http/2\nConnection: Upgrade\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA\nSec-WebSocket-Version: 12',
    solution:
      'GET /chat HTTP/1.1\nHost: example.com\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\nSec-WebSocket-Version: 13',
    check: checkHead,
    sections: ['§1.3', '§4.1', '§4.2.1', '§4.2.2'],
    sources: [
      { file: 'handshake/server-handshake.ts', symbol: 'checkUpgradeRequest' },
      { file: 'handshake/key.ts', symbol: 'acceptValue' },
    ],
    cases: '1.1.1',
    code: `const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

async function acceptFor(key) {
  const bytes = new TextEncoder().encode(key + GUID);
  const sha1 = await crypto.subtle.digest('SHA-1', bytes);
  return btoa(String.fromCharCode(...new Uint8Array(sha1)));
}`,
  },
  {
    id: 'first-bytes',
    title: 'The first two bytes',
    text: [
      'Behind the upgrade, all bytes are frames. A frame begins with two bytes. The first bit is FIN: this frame ends its message. Three reserved bits follow: they are 0. Then four bits say what kind of frame it is, the opcode: 1 is text, 2 is binary, 8 is Close, 9 is ping, 10 (a in hex) is pong.',
      'The second byte has the MASK bit and seven bits of length. A server does not mask. So 81 05 says: text, complete, not masked, 5 bytes follow.',
    ],
    task: 'A client reads the bytes below as the text “Hello”. Change them so that it reads “Hi!”.',
    hint: '“H” is 48, “i” is 69 and “!” is 21. How many bytes are that?',
    reader: 'client',
    start: '81 05 48 65 6c 6c 6f',
    solution: '81 03 48 69 21',
    check: checkBytes({ role: 'client' }, [hears('text “Hi!”')]),
    sections: ['§5.2', '§5.6'],
    sources: [
      { file: 'protocol/reference.ts', symbol: 'readHeader' },
      { file: 'protocol/opcode.ts', symbol: 'Opcode' },
    ],
    cases: '1.1.*,3.*,4.*',
    code: `function readTwoBytes(bytes, at) {
  if (bytes.length - at < 2) return undefined; // more has to come
  const [one, two] = bytes.slice(at, at + 2);
  const fin = one >= 128;
  const rsv = (one >> 4) & 7;
  const opcode = one & 15;
  return { fin, rsv, opcode, masked: two >= 128, length7: two & 127 };
}`,
  },
  {
    id: 'masking',
    title: 'Masking',
    text: [
      'A client masks every frame that it sends. It takes four random bytes, the masking key, and puts them in front of the payload. Byte 0 of the payload is XORed with byte 0 of the key, byte 1 with byte 1, byte 4 with byte 0 again, and so on. To unmask is the same operation.',
      'It hides nothing: the key stands beside the data. It keeps a script in a browser from choosing the bytes on the wire, so that no proxy can be made to take them for HTTP.',
    ],
    task: 'A server refuses these bytes, because they are not masked. Send “Hi!” to it with the masking key 01 02 03 04.',
    hint: 'Set the first bit of the second byte: 03 becomes 83. Then the key. Then 48 XOR 01, 69 XOR 02, 21 XOR 03.',
    reader: 'server',
    start: '81 03 48 69 21',
    solution: '81 83 01 02 03 04 49 6b 22',
    check: checkBytes({ role: 'server' }, [hears('text “Hi!”'), isMaskedWith('01 02 03 04')]),
    sections: ['§5.1', '§5.3', '§10.3'],
    sources: [
      { file: 'protocol/reference.ts', symbol: 'maskReference' },
      { file: 'protocol/mask.ts', symbol: 'maskChunk' },
    ],
    cases: '1.*',
    code: `function unmask(payload, key) {
  return payload.map((byte, i) => byte ^ key[i % 4]);
}`,
  },
  {
    id: 'length',
    title: 'Three forms of length',
    text: [
      'Seven bits can say 0 to 127. Up to 125 they are the length itself. 126 says: the length is in the next two bytes. 127 says: it is in the next eight. The highest byte comes first.',
      'The shortest form that does has to be used. And a length is only a promise: a parser must not set memory aside for what was announced and has not come.',
    ],
    task: `Write the header of a text frame, not masked, for a payload of ${LONG_BYTES} bytes. Use the shortest form.`,
    hint: `${LONG_BYTES} is 1 × 256 + 44, and 44 is 2c in hex.`,
    reader: 'client',
    start: '81 7d',
    solution: '81 7e 01 2c',
    behind: `the letter “x” ${LONG_BYTES} times`,
    check: checkBytes(
      { role: 'client', strictLengths: true },
      [hears(`text “${XS}”`), hasFrames(1)],
      new Uint8Array(LONG_BYTES).fill(0x78),
    ),
    sections: ['§5.2'],
    sources: [
      { file: 'protocol/frame-writer.ts', symbol: 'writeFrameHeader' },
      { file: 'protocol/frame-header.ts', symbol: 'frameHeaderLength' },
    ],
    cases: '1.1.*,9.*',
    code: `function readFrame(bytes, at) {
  const frame = readTwoBytes(bytes, at);
  if (frame === undefined) return undefined;
  const { masked, length7 } = frame;
  const size = length7 === 126 ? 2 : length7 === 127 ? 8 : 0;
  const keyAt = at + 2 + size;
  const start = keyAt + (masked ? 4 : 0);
  let length = size === 0 ? length7 : 0;
  for (const byte of bytes.slice(at + 2, keyAt)) length = length * 256 + byte;
  const end = start + length;
  if (bytes.length < end) return undefined; // more has to come
  const sent = bytes.slice(start, end);
  const payload = masked ? unmask(sent, bytes.slice(keyAt, start)) : sent;
  return { ...frame, payload, end };
}`,
  },
  {
    id: 'fragments',
    title: 'Fragments and control frames',
    text: [
      'A message can be sent in several frames. The first has the opcode of the message and FIN clear. The others are continuations, opcode 0. The last one has FIN set. So a sender can begin before it knows how long the message is.',
      'Control frames (Close, ping, pong) may stand between the fragments. They are never fragmented, and have at most 125 bytes. A ping has to be answered by a pong with the same payload. Another message may not begin before the first is complete.',
    ],
    task: 'Someone wanted to send “Hello” in two fragments, with a ping between them. One bit field is wrong. Put it right.',
    hint: 'Look at the opcode of the last frame: it begins a new message.',
    reader: 'client',
    start: '01 03 48 65 6c  89 01 3f  81 02 6c 6f',
    solution: '01 03 48 65 6c  89 01 3f  80 02 6c 6f',
    check: checkBytes({ role: 'client' }, [hears('ping “?”', 'text “Hello”'), hasFrames(3)]),
    sections: ['§5.4', '§5.5', '§5.5.2', '§5.5.3'],
    sources: [
      { file: 'protocol/reference.ts', symbol: 'headerFaults' },
      { file: 'protocol/message-assembler.ts', symbol: 'MessageAssembler' },
    ],
    cases: '2.*,5.*',
    code: `const isControl = ({ opcode }) => opcode >= 8;

// message: the one that is open, or undefined
function join(message, { opcode, rsv, payload }) {
  const joined = message ?? { isText: opcode === 1, isCompressed: rsv === 4, bytes: [] };
  joined.bytes.push(...payload);
  return joined;
}`,
  },
  {
    id: 'text',
    title: 'Text is UTF-8',
    text: [
      'The payload of a text message is UTF-8. A character has one to four bytes. The first says how many: 00–7f is alone, c2–df has one more behind it, e0–ef two, f0–f4 three. All the others are 80–bf. Characters in a longer form than they need, surrogates, and what lies past U+10FFFF are not allowed.',
      'A message is checked as a whole: a frame may end in the middle of a character. So a parser remembers, from one frame to the next, how many bytes are still to come. Text that is wrong fails the connection with 1007.',
    ],
    task: 'Send “€”, which is e2 82 ac, as one message in two frames, so that the cut is inside the character.',
    hint: 'One or two of the three bytes go into the first frame, the others into a continuation.',
    reader: 'client',
    start: '81 03 e2 82 28',
    solution: '01 02 e2 82  80 01 ac',
    check: checkBytes({ role: 'client' }, [
      hears('text “€”'),
      hasFrames(2),
      (_, frames) =>
        frames.every(({ payload }) => payload.length > 0) ? undefined : 'One of the frames is empty: nothing is cut.',
    ]),
    sections: ['§5.6', '§8.1'],
    sources: [{ file: 'protocol/utf8.ts', symbol: 'Utf8Validator' }],
    cases: '6.*',
    code: `// Throws when the bytes are no UTF-8.
function textOf(bytes) {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}`,
  },
  {
    id: 'closing',
    title: 'Closing, and failing',
    text: [
      'A Close frame says that nothing follows. Its payload is empty, or it begins with a code in two bytes; a reason in UTF-8 may follow. The other side answers with a Close frame. Then the server ends TCP.',
      'Some codes are never sent. 1005 says “there was no code”, 1006 says “there was no Close frame”: programs are told them, frames do not have them. And who breaks a rule gets a Close frame that says which: 1002 for most, 1007 for bad data, 1009 for too much.',
    ],
    task: 'The parser fails the connection because of these bytes. Close with code 1000 and the reason “bye”.',
    hint: '1000 is 03 e8. “bye” is 62 79 65. Do not forget the length.',
    reader: 'client',
    start: '88 02 03 ed',
    solution: '88 05 03 e8 62 79 65',
    check: checkBytes({ role: 'client' }, [hears('close 1000 “bye”')]),
    sections: ['§5.5.1', '§7.1', '§7.4.1', '§7.4.2'],
    sources: [
      { file: 'protocol/closing-handshake.ts', symbol: 'TRANSITIONS' },
      { file: 'protocol/close-code.ts', symbol: 'CLOSE_CODES' },
      { file: 'protocol/violation.ts', symbol: 'RULES' },
    ],
    cases: '7.*',
    code: `// The Close code that a frame earns; undefined when it is legal.
function faultOf(frame, isMessageOpen, isServer, inflate) {
  const { fin, rsv, opcode, masked, length7 } = frame;
  const mayCompress = inflate !== undefined && (opcode === 1 || opcode === 2);
  if (rsv !== 0 && !(rsv === 4 && mayCompress)) return 1002;
  if (![0, 1, 2, 8, 9, 10].includes(opcode)) return 1002;
  if (masked !== isServer) return 1002;
  if (!isControl(frame)) return isMessageOpen === (opcode === 0) ? undefined : 1002;
  return fin && length7 <= 125 && !(opcode === 8 && length7 === 1) ? undefined : 1002;
}

const UNSENT = [1004, 1005, 1006];

function readClose(payload) {
  if (payload.length === 0) return { code: 1005, reason: '' };
  const code = payload[0] * 256 + payload[1];
  const isKnown = code >= 1000 && code <= 1014 && !UNSENT.includes(code);
  if (!isKnown && !(code >= 3000 && code <= 4999)) return { fault: 1002 };
  try {
    return { code, reason: textOf(payload.slice(2)) };
  } catch {
    return { fault: 1007 };
  }
}`,
  },
  {
    id: 'compression',
    title: 'Compression',
    text: [
      'If both sides agree on permessage-deflate in the handshake, a message can be compressed with DEFLATE. RSV1 of its first frame says so. The sender takes the last four bytes, 00 00 ff ff, off; the receiver puts them back before it inflates.',
      'DEFLATE writes “the same 5 bytes as 5 bytes ago” in place of what it has sent before. With context take-over this reaches back into earlier messages: both sides keep the last 32 KiB. So the second “Hello” can be much shorter than the first. Step through it in the view Cut.',
    ],
    task: 'These bytes send “Hello” twice, compressed. Make the second message shorter: its payload may have 5 bytes at most.',
    hint: 'RFC 7692 has it in its section 7.2.3.2: f2 00 11 00 00 says “H, and then what stands there already”.',
    reader: 'client',
    start: 'c1 07 f2 48 cd c9 c9 07 00  c1 07 f2 48 cd c9 c9 07 00',
    solution: 'c1 07 f2 48 cd c9 c9 07 00  c1 05 f2 00 11 00 00',
    check: checkBytes({ role: 'client', hasDeflate: true }, [
      hears('text “Hello”', 'text “Hello”'),
      hasFrames(2),
      hasPayloadUpTo(5, 1),
      (_, frames) => (frames[1]?.rsv === 4 ? undefined : 'The second message is not compressed.'),
    ]),
    sections: ['RFC 7692 §6.1', 'RFC 7692 §7.2.2', 'RFC 7692 §7.2.3'],
    sources: [
      { file: 'inspector/message-inflater.ts', symbol: 'Inflater' },
      { file: 'deflate/negotiate.ts', symbol: 'acceptResponse' },
    ],
    cases: '12.1.*,13.1.*',
    code: `// inflate: bytes in, bytes out, or it throws; undefined without compression
function* parse(bytes, isServer, inflate) {
  let message;
  for (let at = 0, frame; (frame = readFrame(bytes, at)); at = frame.end) {
    const fault = faultOf(frame, message !== undefined, isServer, inflate);
    if (fault) return yield { kind: 'failed', fault };
    const { fin, opcode, payload } = frame;
    if (opcode === 8) {
      const close = readClose(payload);
      return yield { kind: close.fault ? 'failed' : 'close', ...close };
    }
    if (isControl(frame)) {
      yield { kind: opcode === 9 ? 'ping' : 'pong', payload };
      continue;
    }
    message = join(message, frame);
    if (!fin) continue;
    const { isText, isCompressed, bytes: parts } = message;
    message = undefined;
    try {
      const whole = isCompressed ? inflate(Uint8Array.from(parts)) : Uint8Array.from(parts);
      yield isText ? { kind: 'text', text: textOf(whole) } : { kind: 'binary', payload: whole };
    } catch {
      return yield { kind: 'failed', fault: 1007 };
    }
  }
}`,
  },
];

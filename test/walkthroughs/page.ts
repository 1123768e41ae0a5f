/**
 * Reads the pages of `spec-notes/walkthroughs`: their fenced blocks hold the bytes of conversations between a client and
 * a server, drawn so that people can read them. What can be checked without running anything is checked here: that each
 * line is whole, and that the text behind `=` is what the payload says.
 *
 *     ```wire client → server
 *     F rsv opcode  M length   masking key  payload
 *     1 000 1001    1 0000001  5b 0c 92 e1  64        = "?"
 *     TCP ends
 *     ```
 */

import { acceptValue, encodeBase64, GUID, sha1 } from '../../src/handshake/index.ts';
import { Opcode } from '../../src/protocol/index.ts';
import { concat, hex, toBytes, toHex } from '../support/wire.ts';

export type Side = 'client' | 'server';

/** What one side sends in one go. */
export interface Turn {
  readonly from: Side;
  readonly kind: 'http' | 'wire';
  readonly bytes: Uint8Array;
  /** Whether the sender closes its side of TCP behind the bytes. */
  readonly endsTcp: boolean;
  /** Line of the page on which the block begins. */
  readonly line: number;
}

interface Fence {
  readonly info: string;
  readonly lines: readonly string[];
  readonly line: number;
}

/** The conversations of a page, each from the opening handshake, or from behind it, to the end of TCP or of the page. */
export function readConversations(markdown: string): Turn[][] {
  const conversations: Turn[][] = [[]];
  for (const fence of readFences(markdown)) {
    if (fence.info === 'accept') checkAcceptBlock(fence);
    const turn = readTurn(fence);
    if (turn === undefined) continue;
    conversations.at(-1)!.push(turn);
    if (turn.endsTcp && turn.from === 'client') conversations.push([]);
  }
  return conversations.filter((turns) => turns.length > 0);
}

function readFences(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let open: { info: string; lines: string[]; line: number } | undefined;
  markdown.split('\n').forEach((text, index) => {
    const info = /^```(.*)$/.exec(text)?.[1];
    if (info === undefined) open?.lines.push(text);
    else if (open === undefined) open = { info: info.trim(), lines: [], line: index + 1 };
    else {
      fences.push(open);
      open = undefined;
    }
  });
  if (open !== undefined) throw faultAt(open.line, 'the block never ends');
  return fences;
}

function readTurn({ info, lines, line }: Fence): Turn | undefined {
  const [, kind, from, to] = /^(http|wire) (client|server) → (client|server)$/.exec(info) ?? [];
  if (kind === undefined) return undefined;
  if (from === to) throw faultAt(line, `nobody sends to itself: ${info}`);
  const sender = from as Side;
  if (kind === 'http') {
    const text = lines.map((header) => `${header}\r\n`).join('');
    return { from: sender, kind, bytes: toBytes(text), endsTcp: false, line };
  }
  const drawn = lines.filter((text) => !text.startsWith('F '));
  const endsTcp = drawn.at(-1) === 'TCP ends';
  const frames = drawn.slice(0, endsTcp ? -1 : undefined);
  return { from: sender, kind: 'wire', bytes: concat(...frames.map((f) => readFrame(f, line))), endsTcp, line };
}

/** The line of a frame: sixteen bits in groups, then bytes in hex, then perhaps what the payload says. */
function readFrame(text: string, line: number): Uint8Array {
  const [, drawn, says] = /^(.*?)(?:\s*= (.*))?$/.exec(text)!;
  const groups = drawn!.trim().split(/\s+/);
  const headerBits = groups.splice(0, 5).join('');
  if (!/^[01]{16}$/.test(headerBits)) throw faultAt(line, `not the bits of a header: ${text}`);
  const header = [headerBits.slice(0, 8), headerBits.slice(8)].map((byte) => Number.parseInt(byte, 2));
  const rest = hex(groups.join(''));
  const isMasked = headerBits[8] === '1';
  const payload = rest.subarray(isMasked ? 4 : 0);
  const payloadLength = header[1]! & 0x7f;
  if (payloadLength > 125) throw faultAt(line, 'walkthroughs have short frames only');
  if (payload.length !== payloadLength)
    throw faultAt(line, `${payload.length} bytes of payload, not ${payloadLength}: ${text}`);
  const key = rest.subarray(0, 4);
  const clear = isMasked ? payload.map((byte, i) => byte ^ key[i % 4]!) : payload;
  const said = says === undefined ? '' : toHex(readSaying(says, line));
  if (said !== toHex(clear)) throw faultAt(line, `the payload says [${toHex(clear)}], not ${says ?? 'nothing'}`);
  if ((header[0]! & 0xf) === Opcode.Close && payload.length > 0 && !/^\d/.test(says!)) {
    throw faultAt(line, 'the status code of a Close frame is written as a number');
  }
  return concat(Uint8Array.from(header), rest);
}

/** `"Hello"`, or a status code with or without a reason: `1000 "done"`. */
function readSaying(says: string, line: number): Uint8Array {
  const match = /^(\d{4})? ?(?:"([^"]*)")?$/.exec(says);
  if (match === null) throw faultAt(line, `neither text nor code: ${says}`);
  const [, code, text = ''] = match;
  const status = code === undefined ? [] : [Number(code) >>> 8, Number(code) & 0xff];
  return concat(Uint8Array.from(status), toBytes(text));
}

/** Key and GUID, their SHA-1, and that in base64: three lines that follow from each other. */
function checkAcceptBlock({ lines, line }: Fence): void {
  const [joined = '', digest, accept] = lines;
  const key = joined.slice(0, -GUID.length);
  if (key + GUID !== joined) throw faultAt(line, 'the first line is no key with the GUID behind it');
  const bytes = sha1(toBytes(joined));
  if (toHex(bytes) !== digest) throw faultAt(line, `the SHA-1 is ${toHex(bytes)}`);
  if (encodeBase64(bytes) !== accept || acceptValue(key) !== accept)
    throw faultAt(line, `that is ${acceptValue(key)} in base64`);
}

export function faultAt(line: number, message: string): Error {
  return new Error(`line ${line}: ${message}`);
}

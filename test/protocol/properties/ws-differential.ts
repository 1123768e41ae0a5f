/**
 * The same bytes in the same chunks, to a Connection and to the Receiver of the npm package ws: the same messages,
 * pings and pongs, and the same end: what the Close frame received said, or `Error.code` and the code to close with.
 *
 * The one difference that is allowed: ws looks at text when its message is complete, a Connection at each byte as it
 * comes in (§8.1). So it may fail with 1007 where ws is still waiting, has heard control frames that came later, or
 * fails for something that came later. Then ws must not have heard another message, and TextDecoder must refuse what
 * had arrived of this one. Whatever else differs is a fault.
 */

import fc from 'fast-check';
import {
  Connection,
  type ConnectionHandler,
  Opcode,
  type Role,
  readFrames,
  UNLIMITED,
  VIOLATIONS,
} from '../../../src/protocol/index.ts';
import { anyCuts, anyGarbage, anyStream, applyCuts, type Cuts, type Stream } from '../../support/arbitraries.ts';
import { defineProperty, type FuzzProperty } from '../../support/fuzz.ts';
import { MemoryOutput } from '../../support/link-pair.ts';
import { concat, toHex } from '../../support/wire.ts';
import { WS_RECEIVER_DEFAULTS, WsReceiver } from '../../support/ws-internals.ts';

/** What one of the two made of the bytes. */
interface Heard {
  /** `binary …`, `text …`, `ping …` and `pong …`, payloads in hex. */
  readonly events: string[];
  /** `close 1000 …`, `WS_ERR_… 1002`, or empty while neither has come. */
  end: string;
}

function hearOurs(role: Role, chunks: readonly Uint8Array[], maxMessageBytes: number): Heard {
  const heard: Heard = { events: [], end: '' };
  const output = new MemoryOutput(role);
  const handler: ConnectionHandler = {
    message: ({ bytes }, start, end, isBinary) =>
      heard.events.push(`${isBinary ? 'binary' : 'text'} ${toHex(bytes.subarray(start, end))}`),
    ping: (payload) => heard.events.push(`ping ${toHex(payload)}`),
    pong: (payload) => heard.events.push(`pong ${toHex(payload)}`),
    closeReceived: () => {
      heard.end = `close ${connection.closeCode} ${toHex(connection.closeReason)}`;
    },
    failed: (id) => {
      const { code, closeCode } = VIOLATIONS[id];
      heard.end = `${code} ${closeCode}`;
      // §7.1.7: what is reported here is also what the peer is told.
      const told = output.log.at(-1);
      const expected = `88 ${toHex(Uint8Array.of(closeCode >>> 8, closeCode))}`;
      if (told !== expected) throw new Error(`${id}: the peer was told ${told}, not ${expected}`);
    },
    closed: () => {},
  };
  const limits = { ...UNLIMITED, maxMessageBytes: maxMessageBytes || Number.POSITIVE_INFINITY };
  const connection = new Connection(output, handler, { role, limits });
  for (const chunk of chunks) connection.receive(chunk);
  return heard;
}

const STATUS_CODE = 'status-code';

function hearWs(role: Role, chunks: readonly Uint8Array[], maxMessageBytes: number): Heard {
  const heard: Heard = { events: [], end: '' };
  const isServer = role === 'server';
  const receiver = new WsReceiver({ ...WS_RECEIVER_DEFAULTS, isServer, maxPayload: maxMessageBytes });
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    heard.events.push(`${isBinary ? 'binary' : 'text'} ${toHex(data)}`),
  );
  receiver.on('ping', (data: Buffer) => heard.events.push(`ping ${toHex(data)}`));
  receiver.on('pong', (data: Buffer) => heard.events.push(`pong ${toHex(data)}`));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    heard.end = `close ${code} ${toHex(reason)}`;
  });
  // Told again, later, as an event; without a listener that would end the process.
  receiver.on('error', () => {});
  for (const chunk of chunks) {
    if (heard.end !== '') break;
    receiver.write(chunk);
    const error = receiver.errored as (Error & { code: string } & Record<symbol, number>) | null;
    if (error === null) continue;
    const statusCode = Object.getOwnPropertySymbols(error).find((symbol) => symbol.description === STATUS_CODE);
    heard.end = `${error.code} ${statusCode === undefined ? 'without a code' : error[statusCode]}`;
  }
  return heard;
}

const INVALID_TEXT = `${VIOLATIONS.invalidText.code} ${VIOLATIONS.invalidText.closeCode}`;
const isMessage = (event: string) => event.startsWith('text ') || event.startsWith('binary ');

/** Whether the text that we failed for, the first message not delivered, cannot become UTF-8 any more. */
function isTextBad({ role, wire }: Stream, messagesDelivered: number): boolean {
  const messages: { opcode: number; pieces: Uint8Array[] }[] = [];
  for (const { opcode, payload } of readFrames(wire, { role }).frames) {
    if (opcode === Opcode.Text || opcode === Opcode.Binary) messages.push({ opcode, pieces: [] });
    if (opcode < Opcode.Close) messages.at(-1)!.pieces.push(payload);
  }
  const message = messages[messagesDelivered];
  if (message?.opcode !== Opcode.Text) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(concat(...message.pieces), { stream: true });
    return false;
  } catch {
    return true;
  }
}

export function expectSameAsWs(stream: Stream, cuts: Cuts, maxMessageBytes: number): void {
  const ours = hearOurs(stream.role, applyCuts(stream.wire, cuts), maxMessageBytes);
  const theirs = hearWs(stream.role, applyCuts(stream.wire, cuts), maxMessageBytes);
  if (ours.end === theirs.end && ours.events.join('\n') === theirs.events.join('\n')) return;

  const later = theirs.events.slice(ours.events.length);
  const isSameBefore = ours.events.every((event, i) => event === theirs.events[i]);
  const delivered = ours.events.filter(isMessage).length;
  if (ours.end === INVALID_TEXT && isSameBefore && !later.some(isMessage) && isTextBad(stream, delivered)) return;
  throw new Error(`ws heard ${JSON.stringify(theirs)}\n   we heard ${JSON.stringify(ours)}`);
}

const anyMaxBytes = fc.constantFrom(0, 0, 1, 20, 125);

const sameAsWsReceiver = defineProperty(
  'same-as-ws-receiver',
  '§5.4 any frames, legal or with one fault, in any chunks, are heard as ws hears them',
  fc.tuple(anyStream, anyCuts, anyMaxBytes),
  ([stream, cuts, maxMessageBytes]) => expectSameAsWs(stream, cuts, maxMessageBytes),
);

const sameAsWsReceiverOnGarbage = defineProperty(
  'same-as-ws-receiver-on-garbage',
  '§7.1.7 any bytes, in any chunks, are heard as ws hears them',
  fc.tuple(anyGarbage, anyCuts, anyMaxBytes),
  ([stream, cuts, maxMessageBytes]) => expectSameAsWs(stream, cuts, maxMessageBytes),
);

export const WS_PROPERTIES: readonly FuzzProperty[] = [sameAsWsReceiver, sameAsWsReceiverOnGarbage];

/**
 * Reads messages out of JSON: a HAR file as DevTools and Playwright save it, an entry of one, events of the DevTools
 * protocol, and bytes in JSON of any kind. Where only messages were recorded, each becomes one frame: what of masks,
 * fragments and control frames there was, nobody has seen.
 */

import { encodeFrame, encodeUtf8, Opcode } from '../protocol/index.ts';
import { isWholeNumber } from '../protocol/whole-number.ts';
import { parseBase64 } from './base64.ts';
import type { Conversation, ConversationNote, Passage } from './conversation.ts';
import { parseHex } from './hex.ts';
import type { Direction } from './wire-event.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonReading {
  readonly form: string;
  readonly conversations: readonly Conversation[];
}

/** What a value of JSON says; undefined when there are no bytes and no messages in it. */
export function readJson(value: unknown): JsonReading | undefined {
  const bytes = bytesIn(value);
  if (bytes !== undefined) return { form: 'JSON', conversations: [{ passages: [{ bytes }] }] };
  const entries = entriesOf(value);
  if (entries !== undefined) return readHar(entries);
  const list = Array.isArray(value) ? value : [value];
  const parts = list.map(bytesIn);
  if (parts.length > 0 && parts.every((part) => part !== undefined)) {
    return {
      form: `JSON, ${parts.length} parts`,
      conversations: [{ passages: parts.map((part) => ({ bytes: part! })) }],
    };
  }
  return readEvents(list) ?? readMessages(list);
}

/** Of an array of numbers, a Buffer, an object with indices as keys. */
export function bytesIn(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (!isObject(value)) return undefined;
  if (value.type === 'Buffer' && Array.isArray(value.data)) return bytesIn(value.data);
  if (value.type === 'Buffer' && typeof value.data === 'string') return parseBase64(value.data);
  const numbers = Array.isArray(value) ? value : Object.values(value);
  if (numbers.length === 0 || !numbers.every(isByte)) return undefined;
  if (!Array.isArray(value) && Object.keys(value).some((key, i) => key !== `${i}`)) return undefined;
  return Uint8Array.from(numbers as number[], (number) => number & 0xff);
}

function isByte(value: unknown): boolean {
  return isWholeNumber(value, -128, 255);
}

function entriesOf(value: unknown): readonly unknown[] | undefined {
  if (!isObject(value)) return undefined;
  const log = value.log;
  if (isObject(log) && Array.isArray(log.entries)) return log.entries;
  if (Array.isArray(value._webSocketMessages)) return [value];
  const isList = Array.isArray(value) && value.some((item) => isObject(item) && Array.isArray(item._webSocketMessages));
  return isList ? value : undefined;
}

function readHar(entries: readonly unknown[]): JsonReading {
  const conversations = entries.flatMap((entry): Conversation[] => {
    if (!isObject(entry) || !Array.isArray(entry._webSocketMessages)) return [];
    const { request } = entry;
    const name = isObject(request) && typeof request.url === 'string' ? request.url : '';
    return [conversationOf(name, entry._webSocketMessages)];
  });
  return { form: 'a HAR file', conversations };
}

/** Messages on their own, as they stand in an entry. */
function readMessages(list: readonly unknown[]): JsonReading | undefined {
  const conversation = conversationOf('', list);
  if (conversation.passages.length === 0 && conversation.notes?.length === 0) return undefined;
  return { form: 'WebSocket messages as DevTools has them', conversations: [conversation] };
}

function conversationOf(name: string, messages: readonly unknown[]): Conversation {
  const passages: Passage[] = [];
  const notes: ConversationNote[] = [];
  for (const message of messages) {
    if (!isObject(message)) continue;
    const read = readMessage(message);
    if (read === undefined) continue;
    if ('text' in read) notes.push({ ...read, before: passages.length });
    else passages.push(read);
  }
  return { name, passages, notes, areMessages: true };
}

/** `{ type: 'send', time, opcode, data }`, or an event of the DevTools protocol around a frame. */
function readMessage(message: JsonObject): Passage | { text: string; atMs: number | undefined } | undefined {
  const { method, params, response, type, data } = message;
  if (isObject(params)) {
    const { response: frame, timestamp, errorMessage } = params;
    if (typeof errorMessage === 'string') return { text: errorMessage, atMs: timeOf(timestamp) };
    if (!isObject(frame)) return undefined;
    const isSent = method === 'Network.webSocketFrameSent';
    return passageOf(isSent, frame.opcode, frame.payloadData, timestamp);
  }
  if (isObject(response))
    return passageOf(response.mask === true, response.opcode, response.payloadData, message.timestamp);
  if (typeof data !== 'string') return undefined;
  if (type === 'error') return { text: data, atMs: timeOf(message.time) };
  if (type !== 'send' && type !== 'receive') return undefined;
  return passageOf(type === 'send', message.opcode, data, message.time);
}

function passageOf(isSent: boolean, opcode: unknown, data: unknown, time: unknown): Passage | undefined {
  if (typeof data !== 'string') return undefined;
  const code = isWholeNumber(opcode, 0, 15) ? opcode : Opcode.Text;
  // What is no text stands there in Base64.
  const payload =
    (code === Opcode.Text ? undefined : parseBase64(data)) ?? (data === '' ? new Uint8Array(0) : encodeUtf8(data));
  const direction: Direction = isSent ? 'clientToServer' : 'serverToClient';
  return { direction, bytes: frameOf(code, payload, direction), atMs: timeOf(time) };
}

/** The frame that a message may have come in. */
function frameOf(opcode: number, payload: Uint8Array, direction: Direction): Uint8Array {
  return encodeFrame(0x80 | opcode, payload, direction === 'clientToServer' ? 0 : undefined);
}

/** DevTools gives seconds, Playwright milliseconds. */
function timeOf(time: unknown): number | undefined {
  if (typeof time !== 'number' || !Number.isFinite(time)) return undefined;
  return time > 1e11 ? time : time * 1000;
}

/** Bytes with their direction, as recorders of the wire write them. */
function readEvents(list: readonly unknown[]): JsonReading | undefined {
  const byConnection = new Map<unknown, Passage[]>();
  for (const event of list) {
    if (!isObject(event) || typeof event.hex !== 'string') continue;
    const direction = DIRECTION_NAMES[`${event.direction}`];
    if (direction === undefined) continue;
    const { connection, atMs, type, isText } = event;
    const hex = parseHex(event.hex);
    const bytes = type === 'message' ? frameOf(isText === true ? Opcode.Text : Opcode.Binary, hex, direction) : hex;
    const passages = byConnection.get(connection) ?? [];
    byConnection.set(connection, passages);
    passages.push({ direction, bytes, atMs: typeof atMs === 'number' ? atMs : undefined });
  }
  if (byConnection.size === 0) return undefined;
  const conversations = [...byConnection].map(([connection, passages]) => ({
    ...(byConnection.size > 1 && { name: `connection ${connection}` }),
    passages,
  }));
  return { form: 'recorded bytes as JSON lines', conversations };
}

const DIRECTION_NAMES: Readonly<Record<string, Direction>> = {
  clientToServer: 'clientToServer',
  serverToClient: 'serverToClient',
  send: 'clientToServer',
  sent: 'clientToServer',
  receive: 'serverToClient',
  received: 'serverToClient',
};

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}

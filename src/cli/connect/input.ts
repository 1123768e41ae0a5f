/** What somebody types, or a pipe brings, as things to do on the connection. */

import { isUtf8 } from 'node:buffer';
import { HexSyntaxError, parseHex } from '../../inspector/index.ts';
import { nearestName } from '../../options/option-check.ts';
import { isSendableCloseCode, MAX_CLOSE_REASON_BYTES, MAX_CONTROL_PAYLOAD_BYTES } from '../../protocol/index.ts';

export type Action =
  | { readonly type: 'send'; readonly data: string | Uint8Array; readonly isBinary: boolean }
  | { readonly type: 'fragments'; readonly parts: readonly string[] }
  | { readonly type: 'file'; readonly path: string; readonly isBinary: boolean }
  | { readonly type: 'ping' | 'pong'; readonly data: string }
  | { readonly type: 'close'; readonly code: number | undefined; readonly reason: string }
  | { readonly type: 'terminate' | 'pause' | 'resume' | 'status' | 'help' };

/** What was typed cannot be done; the message says what can. */
export class InputFault extends Error {}

interface SlashCommand {
  readonly usage: string;
  readonly summary: string;
  readonly read: (rest: string) => Action;
}

export const COMMANDS: Readonly<Record<string, SlashCommand>> = {
  ping: { usage: '/ping [text]', summary: 'send a ping; the answer says how long it took', read: control('ping') },
  pong: { usage: '/pong [text]', summary: 'send a pong that nobody has asked for', read: control('pong') },
  close: { usage: '/close [code [reason]]', summary: 'close: 1000, or with this code', read: readClose },
  hex: { usage: '/hex <bytes>', summary: 'send a binary message, in hex: /hex 01 02 ff', read: readHex },
  binary: {
    usage: '/binary <text>',
    summary: 'send text as a binary message',
    read: (text) => ({ type: 'send', data: text, isBinary: true }),
  },
  text: {
    usage: '/text <text>',
    summary: 'send text, also if it begins with / or is empty',
    read: (text) => ({ type: 'send', data: text, isBinary: false }),
  },
  fragments: {
    usage: '/fragments <a> <b> …',
    summary: 'send one message, each word a frame of its own',
    read: (text) => ({ type: 'fragments', parts: need(text, 'fragments').split(/\s+/) }),
  },
  file: {
    usage: '/file <path>',
    summary: 'send a file as a binary message',
    read: (path) => ({ type: 'file', path: need(path, 'file'), isBinary: true }),
  },
  textfile: {
    usage: '/textfile <path>',
    summary: 'send a file as a text message',
    read: (path) => ({ type: 'file', path: need(path, 'textfile'), isBinary: false }),
  },
  pause: { usage: '/pause', summary: 'read nothing more, until /resume', read: () => ({ type: 'pause' }) },
  resume: { usage: '/resume', summary: 'read on', read: () => ({ type: 'resume' }) },
  status: { usage: '/status', summary: 'address, what was agreed on, and counts', read: () => ({ type: 'status' }) },
  terminate: {
    usage: '/terminate',
    summary: 'cut the connection without a Close frame',
    read: () => ({ type: 'terminate' }),
  },
  help: { usage: '/help', summary: 'this list', read: () => ({ type: 'help' }) },
};

const NAMES = Object.keys(COMMANDS);

export function commandHelp(): string {
  const lines = Object.values(COMMANDS).map(({ usage, summary }) => `  ${usage.padEnd(24)}${summary}`);
  return ['A line is sent as a text message; // in front of it stands for one /. Or:', ...lines].join('\n');
}

/** What a line on a terminal asks for. @throws {InputFault} */
export function readTyped(line: string): Action {
  if (line.startsWith('//')) return { type: 'send', data: line.slice(1), isBinary: false };
  if (!line.startsWith('/')) return { type: 'send', data: line, isBinary: false };
  const [, name = '', rest = ''] = /^\/(\S*)\s?(.*)$/s.exec(line)!;
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]!.read(rest);
  const near = nearestName(name, NAMES);
  const hint = near === undefined ? '/help lists what there is' : `did you mean /${near}?`;
  throw new InputFault(`there is no command /${name}: ${hint}; //${name} sends it as text`);
}

/** Commands that a word may become. */
export function complete(line: string): [string[], string] {
  const fitting = NAMES.map((name) => `/${name}`).filter((name) => name.startsWith(line));
  return [line.startsWith('/') ? fitting : [], line];
}

function control(type: 'ping' | 'pong'): (text: string) => Action {
  return (data) => {
    if (Buffer.byteLength(data) <= MAX_CONTROL_PAYLOAD_BYTES) return { type, data };
    throw new InputFault(`a ${type} carries at most ${MAX_CONTROL_PAYLOAD_BYTES} bytes (RFC 6455 §5.5)`);
  };
}

function readClose(text: string): Action {
  const [, digits, reason = ''] = /^(\S*)\s*(.*)$/s.exec(text.trim())!;
  if (digits === '') return { type: 'close', code: 1000, reason: '' };
  const code = Number(digits);
  if (!isSendableCloseCode(code)) {
    throw new InputFault(
      `${JSON.stringify(digits)} is no code that may be sent: 1000 to 1014 without 1004 to 1006, or 3000 to 4999 (RFC 6455 §7.4)`,
    );
  }
  if (Buffer.byteLength(reason) > MAX_CLOSE_REASON_BYTES) {
    throw new InputFault(`a reason has at most ${MAX_CLOSE_REASON_BYTES} bytes (RFC 6455 §5.5.1)`);
  }
  return { type: 'close', code, reason };
}

export function readHex(text: string): Action {
  try {
    return { type: 'send', data: parseHex(text), isBinary: true };
  } catch (error) {
    if (error instanceof HexSyntaxError) throw new InputFault(error.message);
    throw error;
  }
}

function need(text: string, name: string): string {
  if (text.trim() !== '') return text.trim();
  throw new InputFault(`${COMMANDS[name]!.usage}: something is missing behind /${name}`);
}

// ---- Pipes ----------------------------------------------------------------------------------------------------------

/** How standard input is cut into messages: a line each, a line of hex each, or all of it as one. */
export const INPUTS = ['lines', 'hex', 'whole'] as const;
export type Input = (typeof INPUTS)[number];

/** The messages of a pipe. @throws {InputFault} for hex that is none, and text that is no UTF-8 */
export async function* readPiped(stream: AsyncIterable<Buffer | string>, input: Input, isBinary: boolean) {
  if (input === 'whole') {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(Buffer.from(part as Buffer));
    const data = Buffer.concat(parts);
    if (!isBinary) requireText(data, 'standard input');
    yield { type: 'send', data, isBinary } as const;
    return;
  }
  let number = 0;
  for await (const line of linesOf(stream)) {
    number++;
    if (input === 'lines') {
      if (!isBinary) requireText(line, `line ${number} of standard input`);
      yield { type: 'send', data: line, isBinary } as const;
    } else if (line.toString().trim() !== '') yield readHexLine(line.toString(), number);
  }
}

/** §5.6: text is UTF-8. @throws {InputFault} */
export function requireText(bytes: Uint8Array, what: string): void {
  if (!isUtf8(bytes)) throw new InputFault(`${what} is no UTF-8, which text has to be: send it as binary`);
}

function readHexLine(line: string, number: number): Action {
  try {
    return readHex(line);
  } catch (error) {
    throw error instanceof InputFault ? new InputFault(`line ${number} of standard input: ${error.message}`) : error;
  }
}

const LF = 0x0a;
const CR = 0x0d;

/** Lines as bytes, without their ends; what stands behind the last end is a line as well. */
async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const piece of stream) {
    const chunk = Buffer.from(piece as Buffer);
    let at = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, at)) {
      yield withoutReturn(Buffer.concat([...rest, chunk.subarray(at, end)]));
      rest = [];
      at = end + 1;
    }
    if (at < chunk.length) rest.push(chunk.subarray(at));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}

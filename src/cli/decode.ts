/**
 * `framewright decode`: prints recorded bytes frame by frame and field by field, up to the first violation. The reading
 * is the inspector's; this finds the bytes and prints the outcome.
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  HEX_SYNTAX,
  HexSyntaxError,
  type InspectOptions,
  inspect,
  isWholeAndLegal,
  parseHex,
  renderText,
} from '../inspector/index.ts';
import type { Command } from './command.ts';
import { complainAboutUsage, painterFor, print } from './terminal.ts';
import { isUsageFault, UsageError } from './usage.ts';

const HELP = `Usage: framewright decode [options] <hex | file | ->

Reads the bytes of one direction of a WebSocket connection and prints each frame field by field,
with the section of the RFC that each field comes from. Stops at the first violation and names it.
If the bytes begin with the HTTP head of the opening handshake, that is shown first.

  hex     ${HEX_SYNTAX.replace(', and', ',\n          and')};
          it may be spread over several arguments
  file    raw bytes, or hex; a file whose name could be hex is written with its folder: ./beef
  -       standard input, raw bytes or hex

Input that is text throughout, and not an HTTP head, is taken as hex. (No legal frame begins with a
character of such text.)

Options:
  --role <role>   who receives the bytes: server, client or auto. A server expects masked frames, a
                  client unmasked ones. Default auto: by the HTTP head if there is one, else by the
                  MASK bit of the first frame
  --deflate       permessage-deflate is in use: RSV1 marks compressed messages (which are shown as
                  they are, compressed)
  --strict        take a payload length that is not in its shortest form as a violation
  --raw           take file or standard input as raw bytes, whatever it looks like
  --all           print long payloads to their end; default is the first 256 bytes of each
  --json          print the findings as JSON

Exit status: 0 whole frames, all legal; 1 a violation, or the bytes end inside a frame or a head;
2 wrong arguments.

Examples:
  framewright decode 81 85 37 fa 21 3d 7f 9f 4d 51 58
  framewright decode --role server capture.bin
  xxd -p capture.bin | framewright decode -
`;

const OPTIONS = {
  role: { type: 'string', default: 'auto' },
  deflate: { type: 'boolean', default: false },
  strict: { type: 'boolean', default: false },
  raw: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

const ROLES = ['server', 'client', 'auto'] as const;

export const decode: Command = {
  name: 'decode',
  summary: 'print recorded bytes frame by frame, field by field',
  help: HELP,
  async run(args) {
    let values: ReturnType<typeof parse>['values'];
    let bytes: Uint8Array;
    let role: InspectOptions['role'];
    try {
      const parsed = parse(args);
      values = parsed.values;
      role = ROLES.find((known) => known === values.role);
      if (role === undefined) {
        throw new UsageError(`--role takes server, client or auto, not ${JSON.stringify(values.role)}`);
      }
      bytes = readInput(parsed.positionals, values.raw);
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('decode', error.message);
      throw error;
    }
    const view = inspect(bytes, { role, allowsRsv1: values.deflate, strictLengths: values.strict });
    const maxPayloadBytes = values.all ? Number.POSITIVE_INFINITY : 256;
    await print(
      values.json
        ? `${JSON.stringify(view, null, 2)}\n`
        : renderText(view, { paint: painterFor(process.stdout), maxPayloadBytes }),
    );
    return isWholeAndLegal(view) ? 0 : 1;
  },
};

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function readInput(positionals: readonly string[], isRaw: boolean): Uint8Array {
  const [first] = positionals;
  if (first === undefined) throw new UsageError('give bytes as hex, the name of a file, or - for standard input');
  if (positionals.length === 1 && first === '-')
    return readContent(readFile(0, 'standard input'), 'standard input', isRaw);
  if (isRaw) return readFile(first, first);
  const text = positionals.join(' ');
  let hexFault: HexSyntaxError;
  try {
    return nonEmpty(parseHex(text), 'the argument');
  } catch (error) {
    if (!(error instanceof HexSyntaxError)) throw error;
    hexFault = error;
  }
  if (positionals.length > 1) throw new UsageError(`the arguments are not hex: ${hexFault.message}`);
  return readContent(readFile(first, first, hexFault), first, false);
}

function readFile(path: string | 0, name: string, hexFault?: HexSyntaxError): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && hexFault !== undefined) {
      throw new UsageError(`${JSON.stringify(name)} is no file, and no hex either: ${hexFault.message}`);
    }
    throw new UsageError(`cannot read ${name}: ${message}`);
  }
}

/** What a file or standard input holds: raw bytes, or hex when it is text. */
function readContent(content: Uint8Array, name: string, isRaw: boolean): Uint8Array {
  nonEmpty(content, name);
  if (isRaw || !isPlainText(content)) return content;
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
  if (/^(GET \/|HTTP\/)/.test(text)) return content;
  try {
    return nonEmpty(parseHex(text), name);
  } catch (error) {
    if (!(error instanceof HexSyntaxError)) throw error;
    throw new UsageError(`${name} looks like hex, but: ${error.message} (--raw takes it as raw bytes)`);
  }
}

function nonEmpty(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length === 0) throw new UsageError(`${name} holds no bytes`);
  return bytes;
}

/** Whether there are only printable ASCII characters, tabs and line breaks. */
function isPlainText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

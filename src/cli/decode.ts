/**
 * `framewright decode`: prints recorded bytes frame by frame and field by field, up to the first violation. This file
 * finds the bytes and prints; the inspector reads.
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  describeReading,
  HEX_SYNTAX,
  HexSyntaxError,
  InputError,
  type InspectOptions,
  inspect,
  isWholeAndLegal,
  type ReadInput,
  readInput,
  renderText,
} from '../inspector/index.ts';
import type { Command } from './command.ts';
import { complainAboutUsage, painterFor, print } from './terminal.ts';
import { isUsageFault, UsageError } from './usage.ts';

const HELP = `Usage: framewright decode [options] <hex | file | ->

Reads the bytes of one direction of a WebSocket connection and prints each frame field by field,
with the section of the RFC that each field comes from. Stops at the first violation and names it.
If the bytes begin with HTTP, the opening handshake is shown first, and frames are read behind it
even if something is wrong with it. If it agrees to permessage-deflate, frames are read with that.
The first line says what the input was taken for.

  hex     ${HEX_SYNTAX.replace(', and', ',\n          and')};
          it may be spread over several arguments
  file    raw bytes, or text with hex; a file whose name could be hex is written with its folder:
          ./beef
  -       standard input, raw bytes or text with hex

Text, in a file or from standard input, is hex as above, or a hex dump with offsets as hexdump -C,
xxd, od -t x1 and Wireshark print it. (No legal frame begins with a character of such text.)
Captures (pcap, pcapng), HAR files, archives and the like are named and not read.

Options:
  --role <role>   who receives the bytes: server, client or auto. A server expects masked frames, a
                  client unmasked ones. Default auto: by the HTTP head if there is one, else by the
                  MASK bit of the first frame
  --deflate       permessage-deflate is in use, though no handshake in front of the frames says so
  --strict        take a payload length that is not in its shortest form as a violation
  --raw           take file or standard input as raw bytes, whatever it looks like
  --all           print long payloads to their end; default is the first 256 bytes of each
  --json          print the findings as JSON

Exit status: 0 whole frames, all legal; 1 a violation, a fault in the handshake, or the bytes end
inside a frame or a head; 2 wrong arguments, or an input that is something else.

Examples:
  framewright decode 81 85 37 fa 21 3d 7f 9f 4d 51 58
  framewright decode --role server capture.bin
  hexdump -C capture.bin | framewright decode -
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
    let input: ReadInput;
    let role: InspectOptions['role'];
    try {
      const parsed = parse(args);
      values = parsed.values;
      role = ROLES.find((known) => known === values.role);
      if (role === undefined) {
        throw new UsageError(`--role takes server, client or auto, not ${JSON.stringify(values.role)}`);
      }
      input = readArguments(parsed.positionals, values.raw);
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('decode', error.message);
      throw error;
    }
    const { bytes, form } = input;
    const allowsRsv1 = values.deflate || undefined;
    const view = inspect(bytes, { role, allowsRsv1, strictLengths: values.strict });
    const maxPayloadBytes = values.all ? Number.POSITIVE_INFINITY : 256;
    await print(
      values.json
        ? `${JSON.stringify({ readAs: describeReading(view, form), ...view }, null, 2)}\n`
        : renderText(view, { paint: painterFor(process.stdout), maxPayloadBytes, form }),
    );
    return isWholeAndLegal(view) ? 0 : 1;
  },
};

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function readArguments(positionals: readonly string[], isRaw: boolean): ReadInput {
  const [first] = positionals;
  if (first === undefined) throw new UsageError('give bytes as hex, the name of a file, or - for standard input');
  if (positionals.length === 1 && first === '-') {
    return readContent(readFile(0, 'standard input'), 'standard input', isRaw);
  }
  if (isRaw) return readContent(readFile(first, first), first, true);
  let fault: Error;
  try {
    return nonEmpty(readInput(positionals.join(' ')), 'the argument');
  } catch (error) {
    if (!isInputFault(error)) throw error;
    fault = error;
  }
  if (positionals.length > 1) throw new UsageError(`the arguments are not hex: ${fault.message}`);
  return readContent(readFile(first, first, fault), first, false);
}

function readFile(path: string | 0, name: string, hexFault?: Error): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if ((code === 'ENOENT' || code === 'ENAMETOOLONG') && hexFault !== undefined) {
      const what = hexFault instanceof HexSyntaxError ? 'no hex either' : 'cannot be decoded';
      throw new UsageError(`${JSON.stringify(name)} is no file, and ${what}: ${hexFault.message}`);
    }
    throw new UsageError(`cannot read ${name}: ${message}`);
  }
}

/** What a file or standard input holds: raw bytes, or hex when it is text. */
function readContent(content: Uint8Array, name: string, isRaw: boolean): ReadInput {
  const raw = nonEmpty({ bytes: content, form: 'raw bytes' }, name);
  if (isRaw) return raw;
  try {
    return nonEmpty(readInput(content), name);
  } catch (error) {
    if (!isInputFault(error)) throw error;
    const what = error instanceof HexSyntaxError ? 'looks like hex, but' : 'cannot be decoded';
    throw new UsageError(`${name} ${what}: ${error.message} (--raw takes it as raw bytes)`);
  }
}

function isInputFault(error: unknown): error is Error {
  return error instanceof HexSyntaxError || error instanceof InputError;
}

function nonEmpty(input: ReadInput, name: string): ReadInput {
  if (input.bytes.length === 0) throw new UsageError(`${name} holds no bytes`);
  return input;
}

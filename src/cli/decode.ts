/**
 * `framewright decode`: prints what WebSockets said, out of bytes, text or captures. This file finds out what it is given;
 * the inspector reads.
 */

import { existsSync } from 'node:fs';
import { captureKindOf, TlsSecrets } from '../inspector/capture/index.ts';
import {
  bytesOfOneDirection,
  ConversationInspector,
  describeReading,
  HEX_SYNTAX,
  HexSyntaxError,
  InputError,
  type InspectOptions,
  inspect,
  inspectConversation,
  isWholeAndLegal,
  type ReadInput,
  readInput,
  renderConversation,
  renderText,
} from '../inspector/index.ts';
import type { Command } from './command.ts';
import { findSecrets, readKeyLog, reportCapture } from './decode/capture.ts';
import { peek, readPieces, readWhole } from './decode/input-source.ts';
import { fieldReport, jsonReport, lineReport, type Report, reportConversation } from './decode/report.ts';
import { complain, complainAboutUsage, painterFor, print } from './terminal.ts';
import { isUsageFault, readArgs, UsageError } from './usage.ts';

const HELP = `Usage: framewright decode [options] <bytes | file | ->

Prints what was said on WebSockets: the opening handshake, frames, messages, and which rule of the
RFC is broken where. Of bytes, each frame is printed field by field; of a capture, a line for each
frame. It stops at the first violation of a direction and names it; --all reads on.

  bytes   as text, over several arguments if you like: ${HEX_SYNTAX.replace('with nothing, white space, ":", ",", "-" or "_" between bytes, and', 'with or\n          without separators,')};
          or any other form below
  file    raw bytes, a text, or a capture; a file whose name could be hex is written with its
          folder: ./beef
  -       standard input, of any kind

Text: hex; dumps of xxd, hexdump, od, Wireshark, tcpdump, Format-Hex; arrays and strings of C, Go,
Rust, Java, Python, JavaScript and others; what Node prints for a Buffer; Base64; HTTP heads, alone
or with any of these behind them; lines of both directions, marked with > and <, "client:" and
"server:", and the like; HAR files and other JSON. The first line says what the input was taken for.

Captures: pcap and pcapng, packed with gzip or not: all WebSockets in them are found, over HTTP/1.1
and HTTP/2, and with a key log over TLS.

Options:
  --role <role>   who receives the bytes: server, client or auto. A server expects masked frames, a
                  client unmasked ones. Default auto: by the HTTP head if there is one, else by the
                  MASK bit of the first frame
  --deflate       permessage-deflate is in use, though no handshake in front of the frames says so
  --strict        take a payload length that is not in its shortest form as a violation
  --raw           take file or standard input as raw bytes, whatever it looks like
  --all           read on behind a violation or a Close frame, and mark each; print long payloads to
                  their end, of which otherwise the beginning is printed
  --fields        print frames of captures and HAR files field by field, too
  --keys <file>   a TLS key log, as browsers, curl and Node write it. Default: the file that the
                  environment variable SSLKEYLOGFILE names, if there is one. Keys in a pcapng
                  are used
  --json          print JSON: of bytes of one direction the findings, as one object; of captures,
                  HAR files and both directions one line for each message and each control frame,
                  with direction, opcode, type, length, and text or hex

Exit status: 0 all legal; 1 a violation, a fault in the handshake, bytes that end inside a frame or
a head, or no WebSocket in a capture; 2 wrong arguments, or an input that is something else.

Examples:
  framewright decode 81 85 37 fa 21 3d 7f 9f 4d 51 58
  framewright decode --role server recorded.bin
  tcpdump -U -w - port 8080 | framewright decode -
  framewright decode --keys keys.log --json traffic.pcapng
`;

const OPTIONS = {
  role: { type: 'string', default: 'auto' },
  deflate: { type: 'boolean', default: false },
  strict: { type: 'boolean', default: false },
  raw: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  fields: { type: 'boolean', default: false },
  keys: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

const ROLES = ['server', 'client', 'auto'] as const;

/** Of each payload so much is printed without --all, and of each message. */
const MAX_SHOWN_BYTES = 256;
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** And never more than this: a text of JavaScript has its end. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

interface Settings {
  readonly role: InspectOptions['role'];
  readonly options: Omit<InspectOptions, 'role'>;
  readonly values: ReturnType<typeof parse>['values'];
  readonly maxPayloadBytes: number;
}

export const decode: Command = {
  name: 'decode',
  summary: 'print what WebSockets said: bytes, hex dumps, captures, HAR files',
  help: HELP,
  async run(args) {
    try {
      const { values, positionals } = parse(args);
      return await decodeInput(positionals, settingsOf(values));
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('decode', error.message);
      throw error;
    }
  },
};

function parse(args: readonly string[]) {
  return readArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function settingsOf(values: Settings['values']): Settings {
  const role = ROLES.find((known) => known === values.role);
  if (role === undefined) {
    throw new UsageError(`--role takes server, client or auto, not ${JSON.stringify(values.role)}`);
  }
  const options = {
    allowsRsv1: values.deflate || undefined,
    strictLengths: values.strict,
    readsOn: values.all,
    maxPayloadBytes: MAX_KEPT_BYTES,
  };
  return { role, options, values, maxPayloadBytes: values.all ? MAX_KEPT_BYTES : MAX_SHOWN_BYTES };
}

async function decodeInput(positionals: readonly string[], settings: Settings): Promise<number> {
  const [first] = positionals;
  if (first === undefined) throw new UsageError('give bytes as hex, the name of a file, or - for standard input');
  const { raw } = settings.values;
  const isInput = positionals.length === 1 && first === '-';
  let fault: Error | undefined;
  if (!isInput && !raw) {
    const read = readArguments(positionals);
    if (!(read instanceof Error)) return reportInput(nonEmpty(read, 'the argument'), settings);
    if (positionals.length > 1) throw new UsageError(`the arguments are not hex: ${read.message}`);
    if (!existsSync(first)) throw noFile(first, read);
    fault = read;
  }
  const [path, name] = isInput ? ([0, 'standard input'] as const) : ([first, first] as const);
  const { start, rest } = await peek(readPieces(path, name), 4).catch((error: Error) => {
    throw fault === undefined || existsSync(first) ? error : noFile(first, fault);
  });
  if (!raw && captureKindOf(start) !== undefined) return reportFile(path, name, start, rest, settings);
  const content = await readWhole(start, rest, name);
  const bytes = { form: 'raw bytes', conversations: [{ passages: [{ bytes: content }] }] };
  return reportInput(raw ? nonEmpty(bytes, name) : readContent(content, name), settings);
}

/** Arguments that are bytes. A name that could be Base64 is that of a file, if there is one. */
function readArguments(positionals: readonly string[]): ReadInput | Error {
  try {
    const input = readInput(positionals.join(' '));
    const isName = input.form === 'Base64' && positionals.length === 1 && existsSync(positionals[0]!);
    return isName ? new InputError('there is a file of that name') : input;
  } catch (error) {
    if (isInputFault(error)) return error;
    throw error;
  }
}

function noFile(name: string, fault: Error): UsageError {
  const what = fault instanceof HexSyntaxError ? 'no hex either' : 'cannot be decoded';
  return new UsageError(`${JSON.stringify(name)} is no file, and ${what}: ${fault.message}`);
}

/** What a file or standard input holds: raw bytes, or a text. */
function readContent(content: Uint8Array, name: string): ReadInput {
  if (content.length === 0) throw new UsageError(`${name} holds no bytes`);
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
  const isEmpty = input.conversations.every(
    ({ passages, notes = [] }) => passages.every(({ bytes }) => bytes.length === 0) && notes.length === 0,
  );
  if (isEmpty) throw new UsageError(`${name} holds no bytes`);
  return input;
}

function reportOf({ values, maxPayloadBytes }: Settings): Report {
  const paint = painterFor(process.stdout);
  if (values.json) return jsonReport();
  return values.fields ? fieldReport({ paint, maxPayloadBytes }) : lineReport(paint, values.all);
}

/** @returns the exit status */
async function reportInput({ conversations, form }: ReadInput, settings: Settings): Promise<number> {
  const [only] = conversations;
  const bytes = conversations.length === 1 ? bytesOfOneDirection(only!) : undefined;
  if (bytes !== undefined) return reportOneDirection(bytes, form, settings);
  const { options, values, maxPayloadBytes } = settings;
  const isPasted = conversations.length === 1 && only!.areMessages !== true;
  if (isPasted && !values.json) {
    const view = inspectConversation(only!.passages, options);
    await print(renderConversation(view, only!, { paint: painterFor(process.stdout), maxPayloadBytes, form }));
    return isWholeAndLegal(view.clientToServer) && isWholeAndLegal(view.serverToClient) ? 0 : 1;
  }
  const report = reportOf(settings);
  const write = writer();
  if (!values.json) write(`Read as: ${form}\n\n`);
  let isLegal = true;
  for (const [i, conversation] of conversations.entries()) {
    const inspector = new ConversationInspector(limited(settings));
    const subject = { number: i + 1, name: conversation.name ?? form, inspector };
    reportConversation(report, conversation, subject, write);
    if (!values.json) write('\n');
    isLegal &&= inspector.clientToServer.violation === undefined && inspector.serverToClient.violation === undefined;
  }
  await print('');
  return isLegal ? 0 : 1;
}

async function reportOneDirection(
  bytes: Uint8Array,
  form: string,
  { role, options, values, maxPayloadBytes }: Settings,
) {
  const view = inspect(bytes, { ...options, role });
  await print(
    values.json
      ? `${JSON.stringify({ readAs: describeReading(view, form), ...view }, null, 2)}\n`
      : renderText(view, { paint: painterFor(process.stdout), maxPayloadBytes, form }),
  );
  return isWholeAndLegal(view) ? 0 : 1;
}

async function reportFile(
  path: string | 0,
  name: string,
  start: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
  settings: Settings,
): Promise<number> {
  const { values } = settings;
  const keyLog = values.keys ?? process.env.SSLKEYLOGFILE;
  const secrets =
    keyLog !== undefined && (values.keys !== undefined || existsSync(keyLog)) ? readKeyLog(keyLog) : new TlsSecrets();
  // Standard input comes once.
  if (path !== 0 && captureKindOf(start) === 'pcapng')
    await findSecrets(readPieces(path, name), secrets).catch(() => {});
  const pieces = (async function* () {
    yield start;
    yield* rest;
  })();
  const run = {
    report: reportOf(settings),
    options: limited(settings),
    secrets,
    write: writer(),
    say: values.json ? complain : (text: string) => void process.stdout.write(`${text}\n`),
  };
  const isLegal = await reportCapture(pieces, run);
  await print('');
  return isLegal ? 0 : 1;
}

/** Bounds for what goes along: frames are many. */
function limited({ options, values }: Settings): Omit<InspectOptions, 'role'> {
  const maxMessageBytes = values.all ? MAX_KEPT_BYTES : MAX_MESSAGE_BYTES;
  return {
    ...options,
    maxPayloadBytes: values.fields || values.all ? maxMessageBytes : MAX_SHOWN_BYTES,
    maxMessageBytes,
  };
}

/** Writes at once, so that nothing piles up; who waits at the end waits for all of it. */
function writer(): (text: string) => void {
  return (text) => {
    if (text !== '') process.stdout.write(text);
  };
}

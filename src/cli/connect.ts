/**
 * `framewright connect`: a WebSocket client for people and for pipes. This file reads the arguments; the session does the
 * rest.
 */

import { formatHex } from '../inspector/index.ts';
import type { Command } from './command.ts';
import { EXIT_STATUS_HELP } from './connect/exit-status.ts';
import { historyPath } from './connect/history.ts';
import { INPUTS } from './connect/input.ts';
import { OUTPUTS } from './connect/message-text.ts';
import { Session, type SessionOptions, withoutCredentials } from './connect/session.ts';
import { tapRequests } from './connect/wire-tap.ts';
import type { Note } from './inspect/notes.ts';
import { Observer } from './inspect/observer.ts';
import { WireFile } from './inspect/wire-file.ts';
import { completeAddress } from './target-address.ts';
import { complainAboutUsage, painterFor } from './terminal.ts';
import { readTlsSettings, TLS_HELP, TLS_OPTIONS } from './tls-options.ts';
import { isUsageFault, readArgs, readNumber, UsageError } from './usage.ts';

const HELP = `Usage: framewright connect <url> [options]

Opens a WebSocket. At a terminal, type messages and read what comes; /help lists commands, such as
/ping, /close 4000 bye and /hex 01 ff. In a pipe, lines of standard input are sent as text
messages; the messages that come are lines on standard output, all else goes to standard error.

  url   ws://host:port/path, wss: for TLS, ws+unix:/socket:/path; host:port alone is ws:

Handshake:
  -H, --header <field> another header field, "Name: value"; as often as need be
  --subprotocol <name> ask for this subprotocol; several in the order of preference
  --origin <origin>    send this Origin
  --auth <user:pass>   authenticate with user name and password (Basic)
  --token <token>      authenticate with a token (Bearer)
  --no-deflate         do not offer compression (--deflate, the default, does)
  --follow             go where a redirect leads
  --http2              over HTTP/2 (RFC 8441)
  --proxy <url>        through this HTTP proxy. Default: http_proxy, https_proxy and no_proxy of the
                       environment; --no-proxy goes past them

TLS:
${TLS_HELP}
Messages:
  -m, --message <text> send this first; as often as need be
  --input <form>       what standard input has: lines (default), hex (lines of it, sent as binary),
                       or whole (one message)
  --binary             send binary messages
  --output <form>      what standard output gets: lines (default; binary in hex), json, or raw
  --full               show long messages to their end
  --frames             show every frame of both directions
  --record <file>      write all that passes into a file: JSON lines for decode and inspect --load
  -q, --quiet          say nothing but errors

End:
  --count <n>          end when so many messages have come
  --timeout <s>        give up when the end has not come after so many seconds
  --wait <s>           in a pipe: end when nothing has come for so many seconds behind the end of
                       the input. Default 1; forever: when the server closes

${EXIT_STATUS_HELP}
Examples:
  framewright connect ws://localhost:8080
  framewright connect wss://example.org/feed -H 'Cookie: id=7' --output json --count 3
  echo hello | framewright connect localhost:8080 --count 1
`;

const OPTIONS = {
  header: { type: 'string', short: 'H', multiple: true, default: [] as string[] },
  subprotocol: { type: 'string', multiple: true, default: [] as string[] },
  origin: { type: 'string' },
  auth: { type: 'string' },
  token: { type: 'string' },
  deflate: { type: 'boolean', default: false },
  'no-deflate': { type: 'boolean', default: false },
  follow: { type: 'boolean', default: false },
  http2: { type: 'boolean', default: false },
  proxy: { type: 'string' },
  'no-proxy': { type: 'boolean', default: false },
  ...TLS_OPTIONS,
  message: { type: 'string', short: 'm', multiple: true, default: [] as string[] },
  input: { type: 'string', default: 'lines' },
  binary: { type: 'boolean', default: false },
  output: { type: 'string', default: 'lines' },
  full: { type: 'boolean', default: false },
  frames: { type: 'boolean', default: false },
  record: { type: 'string' },
  quiet: { type: 'boolean', short: 'q', default: false },
  count: { type: 'string' },
  timeout: { type: 'string' },
  wait: { type: 'string', default: '1' },
} as const;

const DAY_SECONDS = 86_400;
const CLOSE_TIMEOUT_MS = 5000;

export const connect: Command = {
  name: 'connect',
  summary: 'talk to a WebSocket server, at a terminal or in a pipe',
  help: HELP,
  async run(args) {
    let file: WireFile | undefined;
    let session: Session;
    try {
      const { record, frames, ...options } = parse(args);
      file = record === undefined ? undefined : openFile(record);
      const isTapped = frames || file !== undefined;
      const take = isTapped
        ? observe(withoutCredentials(options.url), frames, file, (line) => session.note(line))
        : undefined;
      const tap = take && { finishRequest: tapRequests(withoutCredentials(options.url), take) };
      session = open({ ...options, client: { ...options.client, ...tap } });
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('connect', error.message);
      throw error;
    }
    const status = await session.run();
    await file?.close();
    if (file?.error === undefined) return status;
    session.note(`framewright: connect: --record: the file is not whole: ${file.error.message}`, 'fault');
    return 1;
  },
};

function open(options: SessionOptions): Session {
  const { stdin, stdout, stderr } = process;
  try {
    return new Session(options, { stdin, stdout, stderr, paint: painterFor(stderr) });
  } catch (error) {
    // What is wrong with the address, a subprotocol or a header.
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

/** @returns what takes the notes of the tap */
function observe(
  target: string,
  showsFrames: boolean,
  file: WireFile | undefined,
  print: (line: string) => void,
): (note: Note) => void {
  const observer = new Observer({
    target,
    filter: () => showsFrames,
    paint: painterFor(process.stderr),
    maxCharacters: 60,
    print,
    tell: (event, bytes) => file?.write(event.type === 'bytes' ? { ...event, hex: formatHex(bytes!, '') } : event),
  });
  return (note) => observer.take(note);
}

function openFile(path: string): WireFile {
  try {
    return new WireFile(path);
  } catch (error) {
    throw new UsageError(`--record: cannot write ${path}: ${(error as Error).message}`);
  }
}

// ---- Arguments ------------------------------------------------------------------------------------------------------

function parse(args: readonly string[]): SessionOptions & { record: string | undefined; frames: boolean } {
  const { values, positionals } = readArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const [url, ...more] = positionals;
  if (url === undefined) throw new UsageError('give the address of a WebSocket, such as ws://localhost:8080/path');
  if (more.length > 0) throw new UsageError(`there is one address; what is ${JSON.stringify(more[0])}?`);
  const { http2, frames, record, count, timeout, wait, proxy, quiet, full, message, binary } = values;
  if (http2 && (frames || record !== undefined)) {
    throw new UsageError(`--${frames ? 'frames' : 'record'} goes with HTTP/1.1 only: leave --http2 away`);
  }
  for (const [yes, no] of [
    ['deflate', 'no-deflate'],
    ['proxy', 'no-proxy'],
  ] as const) {
    if (values[yes] && values[no]) throw new UsageError(`--${yes} and --${no} contradict each other`);
  }
  const headers = readHeaders(values.header, values.token);
  return {
    url: completeAddress(url),
    protocols: values.subprotocol.flatMap((names) => names.split(',').map((name) => name.trim())),
    client: {
      headers,
      origin: values.origin,
      ...(values.auth !== undefined && { auth: readAuth(values.auth) }),
      perMessageDeflate: !values['no-deflate'],
      followRedirects: values.follow,
      http2,
      ...(proxy === undefined ? { proxyFromEnvironment: !values['no-proxy'] } : { proxy: readProxy(proxy) }),
      ...readTlsSettings(values),
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
    },
    messages: message,
    input: oneOf('input', values.input, INPUTS),
    isBinary: binary,
    output: oneOf('output', values.output, OUTPUTS),
    count: count === undefined ? undefined : readNumber('count', count, 1, Number.MAX_SAFE_INTEGER),
    timeoutMs: timeout === undefined ? undefined : readSeconds('timeout', timeout),
    waitMs: wait === 'forever' ? undefined : readSeconds('wait', wait),
    isQuiet: quiet,
    isFull: full,
    historyPath: historyPath(process.env),
    frames,
    record,
  };
}

function readHeaders(fields: readonly string[], token: string | undefined): Map<string, string | string[]> {
  const headers = new Map<string, string | string[]>();
  for (const field of fields) {
    const [, name, value] = /^([^:]+):\s*(.*?)\s*$/s.exec(field) ?? [];
    if (name === undefined)
      throw new UsageError(`--header: ${JSON.stringify(field)} is no header field: write it "Name: value"`);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value! : [before, value!].flat());
  }
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
  return headers;
}

function readAuth(text: string): string {
  if (text.includes(':')) return text;
  throw new UsageError('--auth takes user name and password with a colon between them: --auth user:password');
}

function readProxy(text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new UsageError('--proxy takes the address of an HTTP proxy: --proxy http://host:port');
}

function oneOf<Word extends string>(option: string, text: string, words: readonly Word[]): Word {
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  throw new UsageError(`--${option} takes ${words.join(', ')}, not ${JSON.stringify(text)}`);
}

function readSeconds(option: string, text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= DAY_SECONDS) return 1000 * seconds;
  throw new UsageError(`--${option} takes seconds from 0 to ${DAY_SECONDS}, not ${JSON.stringify(text)}`);
}

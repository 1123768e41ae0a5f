/** Takes a capture of packets into a journal, piece by piece: the WebSockets in it, and what of it is not read. */

import { type CaptureHandler, CaptureReader, captureKindOf, type Follower } from '../../inspector/capture/index.ts';
import { type Direction, type InspectOptions, type Passage, plural } from '../../inspector/index.ts';
import type { Journal } from '../journal/journal.ts';
import type { DecodeNote } from './messages.ts';

const KINDS: Readonly<Record<string, string>> = { pcap: 'a pcap capture', pcapng: 'a pcapng capture' };
/** In the page there are no ciphers for TLS, and without TLS nobody speaks HTTP/2: the command line reads both. */
const COMMANDS: Readonly<Record<string, (fileName: string) => string>> = {
  'it is encrypted (TLS)': (fileName) =>
    'The page reads nothing encrypted. With the keys, which browsers, curl and Node.js write into the file that ' +
    `SSLKEYLOGFILE names, the command line does: framewright decode --keys keys.log ${fileName}`,
  'it is HTTP/2': (fileName) => `The page does not read HTTP/2. The command line does: framewright decode ${fileName}`,
};
const MAX_UNREAD = 8;

export interface CaptureFile {
  readonly name: string;
  /** For people. */
  readonly form: string;
  /** How many there will be; undefined when the file is packed. */
  readonly totalBytes: number | undefined;
  readonly bytes: ReadableStream<Uint8Array>;
}

/** The bytes of a capture file, unpacked; undefined when it is something else. */
export async function openCapture(file: File): Promise<CaptureFile | undefined> {
  const [first, second] = await startOf(file.stream());
  const isPacked = first === 0x1f && second === 0x8b;
  const open = () => (isPacked ? file.stream().pipeThrough(new DecompressionStream('gzip')) : file.stream());
  const kind = captureKindOf(await startOf(open()));
  if (kind === undefined) return undefined;
  const { name, size } = file;
  return isPacked
    ? { name, form: `${KINDS[kind]}, packed`, totalBytes: undefined, bytes: open() }
    : { name, form: KINDS[kind]!, totalBytes: size, bytes: open() };
}

async function startOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader();
  const { value } = await reader.read().catch(() => ({ value: undefined }));
  await reader.cancel();
  return value?.slice(0, 4) ?? new Uint8Array(0);
}

export class CaptureIntake {
  readonly #journal: Journal;
  readonly #reader: CaptureReader<JournalLane>;
  readonly #fileName: string;
  readonly #unread: string[] = [];
  /** What somebody can do about it. */
  readonly #advice = new Set<string>();
  #unreadCount = 0;

  constructor(journal: Journal, fileName: string, options: InspectOptions) {
    this.#journal = journal;
    this.#fileName = fileName;
    const handler: CaptureHandler<JournalLane> = {
      onWebSocket: () => {},
      onFrames: () => {},
      onNote: ({ number }, text) => journal.note(number, 'note', text),
      onEnd: () => {},
      onUnread: (name, reason) => {
        if (this.#unreadCount++ < MAX_UNREAD) this.#unread.push(`Not read: ${name}: ${reason}`);
        if (reason in COMMANDS) this.#advice.add(COMMANDS[reason]!(this.#fileName));
      },
    };
    this.#reader = new CaptureReader(handler, {
      follow: (number, name, atMs = 0) => new JournalLane(journal, number, name, atMs, options),
    });
  }

  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /** No more bytes come. @returns what is to be said of the whole */
  finish(): DecodeNote[] {
    const reader = this.#reader;
    reader.finish();
    for (const connection of this.#journal.connections) this.#journal.end(connection, 0);
    const found = reader.count === 0 ? 'No WebSocket' : plural(reader.count, 'WebSocket');
    const rest = this.#unreadCount - this.#unread.length;
    return [
      `${found} in ${plural(reader.packetCount, 'packet')}`,
      ...this.#unread,
      ...(rest > 0 ? [`Not read: ${plural(rest, 'more connection')}`] : []),
      ...this.#advice,
      ...(reader.fault === undefined ? [] : [`The capture is damaged: ${reader.fault}`]),
    ].map((text) => ({ text }));
  }
}

/** A WebSocket of a capture, as a connection of the journal: frames are listed there. */
class JournalLane implements Follower {
  readonly #journal: Journal;
  readonly #connection: number;
  readonly #startMs: number;

  constructor(journal: Journal, connection: number, name: string, startMs: number, options: InspectOptions) {
    this.#journal = journal;
    this.#connection = connection;
    this.#startMs = startMs;
    journal.open(connection, new Date(startMs).toISOString(), name, options);
  }

  /** Of HTTP/2, which is not read here. */
  beginBehind(): void {}

  push({ direction, bytes, atMs = this.#startMs }: Passage & { readonly direction: Direction }): [] {
    this.#journal.append(this.#connection, direction, Math.max(0, atMs - this.#startMs), bytes);
    return [];
  }

  lose(direction: Direction, byteCount: number): [] {
    this.#journal.lose(this.#connection, direction, byteCount);
    return [];
  }

  finish(): [] {
    this.#journal.end(this.#connection, 0);
    return [];
  }
}

/** Reports the WebSockets of a capture, as its bytes come. */

import { readFileSync } from 'node:fs';
import {
  type CapturedWebSocket,
  CaptureReader,
  Http2Reader,
  PacketFileReader,
  TlsDecryption,
  TlsSecrets,
} from '../../inspector/capture/index.ts';
import { type FrameEntry, type InspectOptions, plural } from '../../inspector/index.ts';
import { UsageError } from '../usage.ts';
import type { Report } from './report.ts';
import { nodeTlsCrypto } from './tls-crypto.ts';

export interface CaptureRun {
  readonly report: Report;
  readonly options: Omit<InspectOptions, 'role'>;
  readonly secrets: TlsSecrets;
  readonly write: (text: string) => void;
  /** One line about what was found, for people. */
  readonly say: (text: string) => void;
}

/** Of the connections that are not read, so many are told of. */
const MAX_UNREAD_LINES = 20;

/** The lines of a key log. @throws {UsageError} when it cannot be read, or holds no keys */
export function readKeyLog(path: string): TlsSecrets {
  const secrets = new TlsSecrets();
  try {
    secrets.add(readFileSync(path, 'latin1'));
  } catch (error) {
    throw new UsageError(`cannot read the key log ${path}: ${(error as Error).message}`);
  }
  if (secrets.size === 0)
    throw new UsageError(`${path} is no key log: it has no line like "CLIENT_RANDOM <hex> <hex>"`);
  return secrets;
}

/** Finds the keys that a capture carries, which may stand behind the packets that need them. */
export async function findSecrets(pieces: AsyncIterable<Uint8Array>, secrets: TlsSecrets): Promise<void> {
  const reader = new PacketFileReader({ onPacket: () => {}, onSecrets: (text) => secrets.add(text) });
  for await (const piece of pieces) reader.push(piece);
}

/** @returns whether WebSockets were found, and no fault in them */
export async function reportCapture(
  pieces: AsyncIterable<Uint8Array>,
  { report, options, secrets, write, say }: CaptureRun,
): Promise<boolean> {
  let isLegal = true;
  const unread: string[] = [];
  let unreadCount = 0;
  const reader = new CaptureReader(
    {
      onWebSocket: (found) => write(report.begin(found)),
      onFrames(found: CapturedWebSocket, entries: readonly FrameEntry[]) {
        isLegal &&= entries.every(({ recorded }) => recorded.violation === undefined);
        write(report.frames(found, entries));
      },
      onNote: (found, text) => write(report.note(found, text)),
      onEnd(found) {
        const { clientToServer, serverToClient } = found.inspector;
        isLegal &&= [clientToServer, serverToClient].every(({ handshake }) => handshake?.fault === undefined);
        write(report.end(found));
      },
      onUnread(name, reason) {
        if (unreadCount++ < MAX_UNREAD_LINES) unread.push(`not read: ${name}: ${reason}`);
      },
    },
    { ...options, tls: new TlsDecryption(nodeTlsCrypto, secrets), http2: Http2Reader },
  );
  let fault: string | undefined;
  try {
    for await (const piece of pieces) reader.push(piece);
  } catch (error) {
    // What has come of a packed file has been read.
    if (!(error instanceof UsageError) || reader.packetCount === 0) throw error;
    fault = error.message;
  }
  reader.finish();
  for (const line of unread) say(line);
  if (unread.length > 0 && secrets.size === 0) say('a key log of TLS is named by --keys');
  if (unreadCount > unread.length) say(`not read: ${plural(unreadCount - unread.length, 'more connection')}`);
  fault ??= reader.fault;
  if (fault !== undefined) say(`the capture is damaged: ${fault}`);
  const found = reader.count === 0 ? 'no WebSocket' : plural(reader.count, 'WebSocket');
  say(`${found} in ${plural(reader.packetCount, 'packet')}`);
  return isLegal && reader.count > 0;
}

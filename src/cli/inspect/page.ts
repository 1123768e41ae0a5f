/**
 * The page of `framewright inspect`: the playground, fed with all that passes through the proxy. A page that comes later
 * gets what is kept of each connection first. What is kept is bounded, and so is what waits for a page that does not read.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { buildRefusalResponse } from '../../handshake/index.ts';
import { type WebSocket, WebSocketServer } from '../../index.ts';
import { packBytes } from '../../inspector/index.ts';
import { endWith } from '../../server/http-answer.ts';
import { ignoreError } from '../../transport/errors.ts';
import { answerPlainRequest, type PageAssets, withDesk } from '../page-assets.ts';
import { layRawLine, type RawTarget } from '../raw-line.ts';
import { pathOf } from '../request-target.ts';
import type { ObserverOptions } from './observer.ts';

interface PageOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly target: string;
  readonly assets: PageAssets;
}

export interface InspectPage {
  readonly url: string;
  /** Says where the proxy is: the page's own connections go there, and the bytes that it makes. */
  announce(address: string, raw: RawTarget): void;
  readonly tell: ObserverOptions['tell'];
  close(): Promise<void>;
}

/** What is kept for pages that come later, and what may wait for one, in bytes. */
export const MAX_KEPT_BYTES = 16 * 1024 * 1024;
export const MAX_UNREAD_BYTES = 32 * 1024 * 1024;

const FORGOTTEN = 'what passed before this page came is too much to be kept';
const TOO_SLOW = 'this page does not read what it is told: open it anew';

/** @throws what node:net reports when it cannot listen */
export async function startPage({ host, port, target, assets }: PageOptions): Promise<InspectPage> {
  const history = new History();
  // Whoever knows it may see what passes: a page of this origin, which alone can read where it stands.
  const events = `events?id=${randomBytes(16).toString('hex')}`;
  let files = withDesk(assets, { kind: 'proxy', target, events });
  let rawTarget: RawTarget | undefined;
  const sockets = new WebSocketServer({ noServer: true, origins: 'same-origin' });
  /** And the connections of which they have not seen the beginning. */
  const readers = new Map<WebSocket, ReadonlySet<number>>();

  const server = createServer(({ method = '', url = '', headers: { host: given } }, response) => {
    const { status, headers, body } = isOwnHost(given, host) ? answerPlainRequest(files, method, url) : WRONG_HOST;
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
  server.on('upgrade', (request, socket: Duplex, rest: Buffer) => {
    socket.on('error', () => socket.destroy());
    const { url = '' } = request;
    const raw = pathOf(url) === '/raw' ? rawTarget : undefined;
    if ((raw === undefined && url !== `/${events}`) || !isOwnHost(request.headers.host, host)) {
      endWith(socket, buildRefusalResponse({ status: 404, message: 'There is no WebSocket at this path\n' }));
      return;
    }
    sockets.handleUpgrade(request, socket, rest, (reader) => {
      reader.on('error', ignoreError);
      if (raw !== undefined) {
        layRawLine(reader, raw);
        return;
      }
      reader.on('close', () => readers.delete(reader));
      readers.set(
        reader,
        history.tellTo((message) => reader.send(message)),
      );
    });
  });
  server.listen(port, host);
  await once(server, 'listening');

  const { address: own, family, port: boundPort } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${own}]` : own}:${boundPort}/`,
    announce(address, raw) {
      rawTarget = raw;
      files = withDesk(assets, { kind: 'proxy', target, address, events });
    },
    tell(event, bytes) {
      const message = event.type === 'bytes' ? packBytes(event, bytes!) : JSON.stringify(event);
      const { connection = 1 } = event as { connection?: number };
      history.add(connection, message, event.type === 'ended');
      for (const [reader, unseen] of readers) {
        if (unseen.has(connection)) continue;
        reader.send(message);
        if (reader.bufferedAmount > MAX_UNREAD_BYTES) leave(reader, readers);
      }
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      await sockets.drain({ reason: 'the proxy has stopped' });
      server.closeAllConnections();
      await closed;
    },
  };
}

function leave(reader: WebSocket, readers: Map<WebSocket, unknown>): void {
  readers.delete(reader);
  reader.close(1008, TOO_SLOW);
}

const WRONG_HOST = {
  status: 421,
  headers: { 'Content-Type': 'text/plain; charset=utf-8' },
  body: 'Open this page by the address that framewright inspect has printed.\n',
};

/** Not by a name that somebody else has made lead here. */
function isOwnHost(given: string | undefined, host: string): boolean {
  const name = given?.replace(/:\d*$/, '').replace(/^\[|\]$/g, '') ?? '';
  return isIP(name) !== 0 || name === 'localhost' || name === host;
}

type Message = string | Uint8Array<ArrayBuffer>;

interface Kept {
  messages: Message[];
  bytes: number;
  hasEnded: boolean;
  /** Whether its beginning is still here: without that, the rest cannot be read. */
  isWhole: boolean;
}

/** What has been told of each connection, from its beginning on. */
export class History {
  readonly #connections = new Map<number, Kept>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = MAX_KEPT_BYTES) {
    this.#maxBytes = maxBytes;
  }

  add(connection: number, message: Message, isEnd: boolean): void {
    let kept = this.#connections.get(connection);
    if (kept === undefined) {
      kept = { messages: [], bytes: 0, hasEnded: false, isWhole: true };
      this.#connections.set(connection, kept);
    }
    kept.hasEnded = isEnd;
    if (kept.isWhole) {
      kept.messages.push(message);
      kept.bytes += message.length;
      this.#bytes += message.length;
    } else if (isEnd) {
      this.#connections.delete(connection);
    }
    while (this.#bytes > this.#maxBytes && this.#forget()) {}
  }

  /** @returns the connections of which it had to leave out what passed */
  tellTo(send: (message: Message) => void): ReadonlySet<number> {
    const unseen = new Set<number>();
    for (const [connection, { messages, isWhole }] of this.#connections) {
      for (const message of messages) send(message);
      if (isWhole) continue;
      unseen.add(connection);
      send(JSON.stringify({ type: 'ended', connection, atMs: 0, reason: FORGOTTEN }));
    }
    return unseen;
  }

  /** Of the oldest connection that has ended, or else of the one that has most. @returns whether there was one */
  #forget(): boolean {
    const whole = [...this.#connections].filter(([, { isWhole }]) => isWhole);
    const [connection, kept] =
      whole.find(([, { hasEnded }]) => hasEnded) ?? whole.sort(([, a], [, b]) => b.bytes - a.bytes)[0] ?? [];
    if (kept === undefined) return false;
    this.#bytes -= kept.bytes;
    if (kept.hasEnded) {
      this.#connections.delete(connection!);
      return true;
    }
    // That it was opened is told later, too.
    kept.messages = kept.messages.slice(0, 1);
    kept.bytes = 0;
    kept.isWhole = false;
    return true;
  }
}

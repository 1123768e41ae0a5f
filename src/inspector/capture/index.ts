/** Captures of packets, down to the WebSockets in them: bytes of a file go in, frames come out. */

import { plainBytes } from '../bytes.ts';
import { ConversationInspector } from '../conversation.ts';
import type { InspectOptions } from '../inspect.ts';
import { type CaptureContext, type CaptureHandler, ConnectionReader, type Follower } from './connection.ts';
import type { Http2Reader } from './http2.ts';
import { IpReader, TCP } from './ip.ts';
import { ipPacketOf, isKnownLink } from './link.ts';
import { type Packet, PacketFileReader } from './packet-file.ts';
import { TcpReader } from './tcp.ts';
import type { TlsDecryption } from './tls.ts';

export type { CapturedWebSocket, CaptureHandler, Follower } from './connection.ts';
export { Http2Reader } from './http2.ts';
export { captureKindOf, PacketFileReader } from './packet-file.ts';
export { type AeadName, type HashName, type TlsCrypto, TlsDecryption, TlsSecrets } from './tls.ts';

export interface CaptureOptions<F extends Follower = ConversationInspector> extends Omit<InspectOptions, 'role'> {
  /** What decrypts TLS; without it, nothing does. */
  readonly tls?: TlsDecryption | undefined;
  /** What reads HTTP/2; without it, nothing does. */
  readonly http2?: typeof Http2Reader | undefined;
  /** What follows a WebSocket, when it is found. Default: a `ConversationInspector` with these options. */
  readonly follow?: ((number: number, name: string, atMs: number | undefined) => F) | undefined;
}

export class CaptureReader<F extends Follower = ConversationInspector> {
  /** Packets so far. */
  packetCount = 0;
  readonly #context: CaptureContext<F>;
  readonly #file: PacketFileReader;
  readonly #ip = new IpReader();
  readonly #tcp: TcpReader<ConnectionReader<F>>;
  readonly #unknownLinks = new Set<number>();

  constructor(handler: CaptureHandler<F>, { tls, http2, follow, ...options }: CaptureOptions<F> = {}) {
    const inspect = () => new ConversationInspector(options) as Follower as F;
    const context: CaptureContext<F> = { handler, follow: follow ?? inspect, tls, http2, count: 0, atMs: undefined };
    this.#context = context;
    this.#file = new PacketFileReader({
      onPacket: (packet) => this.#packet(packet),
      onSecrets: (text) => tls?.learn(text),
    });
    this.#tcp = new TcpReader({
      onOpen: (connection) => new ConnectionReader(connection, context),
      onBytes: (connection, from, bytes, atMs) => connection.push(from, bytes, atMs),
      onGap: (connection, from, byteCount) => connection.lose(from, byteCount),
      onEnd: (connection) => connection.end(),
    });
  }

  /** What is wrong with the file itself. */
  get fault(): string | undefined {
    return this.#file.fault;
  }

  /** WebSockets that were found so far. */
  get count(): number {
    return this.#context.count;
  }

  /** The next bytes of the file, which stay as they are. */
  push(bytes: Uint8Array): void {
    this.#file.push(plainBytes(bytes));
  }

  /** No more bytes come. */
  finish(): void {
    this.#file.finish();
    this.#tcp.finish();
  }

  #packet({ linkType, bytes, atMs }: Packet): void {
    this.packetCount++;
    this.#context.atMs = atMs;
    if (!isKnownLink(linkType) && !this.#unknownLinks.has(linkType)) {
      this.#unknownLinks.add(linkType);
      this.#context.handler.onUnread(`packets of link type ${linkType}`, 'packets of this kind are not read here');
    }
    const packet = ipPacketOf(linkType, bytes);
    const datagram = packet && this.#ip.read(packet);
    if (datagram?.protocol === TCP) this.#tcp.read(datagram, atMs);
  }
}

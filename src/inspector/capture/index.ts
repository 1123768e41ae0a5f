/** Captures of packets, down to the WebSockets in them: bytes of a file go in, frames come out. */

import { plainBytes } from '../bytes.ts';
import type { InspectOptions } from '../inspect.ts';
import { type CaptureContext, type CaptureHandler, ConnectionReader } from './connection.ts';
import { IpReader } from './ip.ts';
import { ipPacketOf, isKnownLink } from './link.ts';
import { type Packet, PacketFileReader } from './packet-file.ts';
import { TcpReader } from './tcp.ts';
import { type TlsCrypto, TlsSecrets } from './tls.ts';

export type { CapturedWebSocket, CaptureHandler } from './connection.ts';
export { captureKindOf, PacketFileReader } from './packet-file.ts';
export { type AeadName, type HashName, type TlsCrypto, TlsSecrets } from './tls.ts';

export interface CaptureOptions extends Omit<InspectOptions, 'role'> {
  /** What decrypts TLS; without it, nothing does. */
  readonly crypto?: TlsCrypto | undefined;
  readonly secrets?: TlsSecrets | undefined;
}

const TCP = 6;

export class CaptureReader {
  /** Packets so far. */
  packetCount = 0;
  readonly #context: CaptureContext;
  readonly #file: PacketFileReader;
  readonly #ip = new IpReader();
  readonly #tcp: TcpReader<ConnectionReader>;
  readonly #unknownLinks = new Set<number>();

  constructor(handler: CaptureHandler, { crypto, secrets = new TlsSecrets(), ...options }: CaptureOptions = {}) {
    const context: CaptureContext = { handler, options, secrets, crypto, count: 0 };
    this.#context = context;
    this.#file = new PacketFileReader({
      onPacket: (packet) => this.#packet(packet),
      onSecrets: (text) => secrets.add(text),
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
    if (!isKnownLink(linkType) && !this.#unknownLinks.has(linkType)) {
      this.#unknownLinks.add(linkType);
      this.#context.handler.onUnread(`packets of link type ${linkType}`, 'packets of this kind are not read here');
    }
    const packet = ipPacketOf(linkType, bytes);
    const datagram = packet && this.#ip.read(packet);
    if (datagram?.protocol === TCP) this.#tcp.read(datagram, atMs);
  }
}

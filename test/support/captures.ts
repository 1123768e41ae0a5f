/** Writes captures of packets: TCP connections as segments that a test may lose, repeat or shuffle, in files of every kind. */

import { concat } from './wire.ts';

export interface Segment {
  readonly from: 'client' | 'server';
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

const utf8 = new TextEncoder();

export function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? utf8.encode(content) : content;
}

/** A connection: handshake of TCP, what is said, and its end. */
export class TcpScript {
  readonly segments: Segment[] = [];
  readonly #next = { client: 0, server: 0 };

  constructor(clientSequence = 1000, serverSequence = 5000) {
    this.#next.client = clientSequence;
    this.#next.server = serverSequence;
  }

  open(): this {
    this.#add('client', SYN, new Uint8Array(0));
    this.#add('server', SYN | ACK, new Uint8Array(0));
    return this.#add('client', ACK, new Uint8Array(0));
  }

  /** @param segmentBytes how many bytes go into a segment, at most */
  send(from: 'client' | 'server', content: string | Uint8Array, segmentBytes = 1400): this {
    const bytes = bytesOf(content);
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      this.#add(from, ACK, bytes.slice(at, at + segmentBytes));
    }
    return this;
  }

  close(): this {
    return this.#add('client', FIN | ACK, new Uint8Array(0)).#add('server', FIN | ACK, new Uint8Array(0));
  }

  #add(from: 'client' | 'server', flags: number, payload: Uint8Array): this {
    const other = from === 'client' ? 'server' : 'client';
    this.segments.push({ from, sequence: this.#next[from], acknowledgement: this.#next[other], flags, payload });
    const length = payload.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    this.#next[from] = (this.#next[from] + length) >>> 0;
    return this;
  }
}

export interface Ends {
  readonly client: { readonly address: readonly number[]; readonly port: number };
  readonly server: { readonly address: readonly number[]; readonly port: number };
}

export const IPV4_ENDS: Ends = {
  client: { address: [10, 0, 0, 1], port: 50_000 },
  server: { address: [10, 0, 0, 2], port: 80 },
};
export const IPV6_ENDS: Ends = {
  client: { address: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], port: 50_000 },
  server: { address: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], port: 80 },
};

/** The TCP segment with its header; with options, if given, whose length is a multiple of four. */
export function tcpBytes(
  { from, sequence, acknowledgement, flags, payload }: Segment,
  ends: Ends,
  options: number[] = [],
) {
  const to = from === 'client' ? 'server' : 'client';
  const header = new DataView(new ArrayBuffer(20));
  header.setUint16(0, ends[from].port);
  header.setUint16(2, ends[to].port);
  header.setUint32(4, sequence);
  header.setUint32(8, acknowledgement);
  header.setUint8(12, (5 + options.length / 4) << 4);
  header.setUint8(13, flags);
  header.setUint16(14, 65_535);
  return concat(new Uint8Array(header.buffer), Uint8Array.from(options), payload);
}

/** An IPv4 packet, or a fragment of one; `options` have a multiple of four bytes. */
export function ipv4(
  payload: Uint8Array,
  source: readonly number[],
  destination: readonly number[],
  { protocol = 6, id = 1, fragmentAt = 0, hasMore = false, options = [] as number[] } = {},
): Uint8Array {
  const header = new DataView(new ArrayBuffer(20));
  header.setUint8(0, 0x40 | (5 + options.length / 4));
  header.setUint16(2, 20 + options.length + payload.length);
  header.setUint16(4, id);
  header.setUint16(6, (hasMore ? 0x2000 : 0) | (fragmentAt / 8));
  header.setUint8(8, 64);
  header.setUint8(9, protocol);
  const bytes = new Uint8Array(header.buffer);
  bytes.set(source, 12);
  bytes.set(destination, 16);
  const whole = concat(bytes, Uint8Array.from(options));
  let sum = 0;
  for (let at = 0; at < whole.length; at += 2) sum += (whole[at]! << 8) | whole[at + 1]!;
  new DataView(whole.buffer).setUint16(10, ~((sum & 0xffff) + (sum >>> 16)));
  return concat(whole, payload);
}

/** An IPv6 packet; extension headers stand in front of the payload, which `next` names. */
export function ipv6(
  payload: Uint8Array,
  source: readonly number[],
  destination: readonly number[],
  next = 6,
): Uint8Array {
  const header = new DataView(new ArrayBuffer(40));
  header.setUint8(0, 0x60);
  header.setUint16(4, payload.length);
  header.setUint8(6, next);
  const bytes = new Uint8Array(header.buffer);
  bytes.set(source, 8);
  bytes.set(destination, 24);
  return concat(bytes, payload);
}

export function ipPacket(segment: Segment, ends: Ends = IPV4_ENDS): Uint8Array {
  const [source, destination] = addressesOf(segment, ends);
  const tcp = tcpBytes(segment, ends);
  return source.length === 4 ? ipv4(tcp, source, destination) : ipv6(tcp, source, destination);
}

export function addressesOf({ from }: Segment, ends: Ends): [readonly number[], readonly number[]] {
  return from === 'client' ? [ends.client.address, ends.server.address] : [ends.server.address, ends.client.address];
}

/** How each kind of interface wraps a packet. */
export const LINKS: Readonly<Record<string, { linkType: number; wrap: (packet: Uint8Array) => Uint8Array }>> = {
  Ethernet: { linkType: 1, wrap: (packet) => concat(new Uint8Array(12), etherType(packet), packet, new Uint8Array(6)) },
  VLAN: {
    linkType: 1,
    wrap: (packet) => concat(new Uint8Array(12), Uint8Array.of(0x81, 0, 0, 5), etherType(packet), packet),
  },
  QinQ: {
    linkType: 1,
    wrap: (packet) =>
      concat(new Uint8Array(12), Uint8Array.of(0x88, 0xa8, 0, 5, 0x81, 0, 0, 6), etherType(packet), packet),
  },
  'Linux cooked 1': { linkType: 113, wrap: (packet) => concat(new Uint8Array(14), etherType(packet), packet) },
  'Linux cooked 2': { linkType: 276, wrap: (packet) => concat(etherType(packet), new Uint8Array(18), packet) },
  null: { linkType: 0, wrap: (packet) => concat(Uint8Array.of(2, 0, 0, 0), packet) },
  loop: { linkType: 108, wrap: (packet) => concat(Uint8Array.of(0, 0, 0, 2), packet) },
  raw: { linkType: 101, wrap: (packet) => packet },
};

function etherType(packet: Uint8Array): Uint8Array {
  return packet[0]! >>> 4 === 6 ? Uint8Array.of(0x86, 0xdd) : Uint8Array.of(0x08, 0);
}

/** When the first packet was seen; each is a millisecond after the one before. */
export const START_SECONDS = 1_700_000_000;

export interface FileOptions {
  readonly linkType?: number;
  readonly isLittle?: boolean;
  readonly isNano?: boolean;
}

export function pcap(
  packets: readonly Uint8Array[],
  { linkType = 101, isLittle = true, isNano = false }: FileOptions = {},
) {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, isNano ? 0xa1b23c4d : 0xa1b2c3d4, isLittle);
  header.setUint16(4, 2, isLittle);
  header.setUint16(6, 4, isLittle);
  header.setUint32(16, 262_144, isLittle);
  header.setUint32(20, linkType, isLittle);
  const records = packets.map((packet, i) => {
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, START_SECONDS, isLittle);
    record.setUint32(4, i * (isNano ? 1_000_000 : 1000), isLittle);
    record.setUint32(8, packet.length, isLittle);
    record.setUint32(12, packet.length, isLittle);
    return concat(new Uint8Array(record.buffer), packet);
  });
  return concat(new Uint8Array(header.buffer), ...records);
}

/** A block of a pcapng file. */
export function block(type: number, body: Uint8Array, isLittle = true): Uint8Array {
  const padded = concat(body, new Uint8Array((4 - (body.length % 4)) % 4));
  const ends = new DataView(new ArrayBuffer(8));
  ends.setUint32(0, type, isLittle);
  ends.setUint32(4, 12 + padded.length, isLittle);
  const bytes = new Uint8Array(ends.buffer);
  return concat(bytes, padded, bytes.slice(4));
}

export function sectionHeader(isLittle = true): Uint8Array {
  const body = new DataView(new ArrayBuffer(16));
  body.setUint32(0, 0x1a2b3c4d, isLittle);
  body.setUint16(4, 1, isLittle);
  body.setBigInt64(8, -1n, isLittle);
  return block(0x0a0d0d0a, new Uint8Array(body.buffer), isLittle);
}

/** @param resolution of time stamps, as `if_tsresol` has it; undefined leaves the option out */
export function interfaceBlock(linkType: number, isLittle = true, resolution?: number): Uint8Array {
  const body = new DataView(new ArrayBuffer(8));
  body.setUint16(0, linkType, isLittle);
  if (resolution === undefined) return block(1, new Uint8Array(body.buffer), isLittle);
  const option = new DataView(new ArrayBuffer(12));
  option.setUint16(0, 9, isLittle);
  option.setUint16(2, 1, isLittle);
  option.setUint8(4, resolution);
  return block(1, concat(new Uint8Array(body.buffer), new Uint8Array(option.buffer)), isLittle);
}

/** @param units of the time stamp since 1970 */
export function enhancedPacket(packet: Uint8Array, units: bigint, isLittle = true, interfaceId = 0): Uint8Array {
  const body = new DataView(new ArrayBuffer(20));
  body.setUint32(0, interfaceId, isLittle);
  body.setUint32(4, Number(units >> 32n), isLittle);
  body.setUint32(8, Number(units & 0xffff_ffffn), isLittle);
  body.setUint32(12, packet.length, isLittle);
  body.setUint32(16, packet.length, isLittle);
  return block(6, concat(new Uint8Array(body.buffer), packet), isLittle);
}

export function simplePacket(packet: Uint8Array, isLittle = true): Uint8Array {
  const body = new DataView(new ArrayBuffer(4));
  body.setUint32(0, packet.length, isLittle);
  return block(3, concat(new Uint8Array(body.buffer), packet), isLittle);
}

/** Decryption secrets: lines of a TLS key log. */
export function secretsBlock(text: string, isLittle = true): Uint8Array {
  const secrets = bytesOf(text);
  const body = new DataView(new ArrayBuffer(8));
  body.setUint32(0, 0x544c534b, isLittle);
  body.setUint32(4, secrets.length, isLittle);
  return block(10, concat(new Uint8Array(body.buffer), secrets), isLittle);
}

export function pcapng(
  packets: readonly Uint8Array[],
  { linkType = 101, isLittle = true, isNano = false }: FileOptions = {},
) {
  const unitsPerMs = isNano ? 1_000_000n : 1000n;
  const start = BigInt(START_SECONDS) * 1000n;
  return concat(
    sectionHeader(isLittle),
    interfaceBlock(linkType, isLittle, isNano ? 9 : undefined),
    ...packets.map((packet, i) => enhancedPacket(packet, (start + BigInt(i)) * unitsPerMs, isLittle)),
  );
}

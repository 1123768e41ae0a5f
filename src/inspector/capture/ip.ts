/** Reads IPv4 and IPv6 packets (RFC 791, RFC 8200) down to what they carry, and puts fragments together. */

import { uint16 } from '../bytes.ts';

/** A `protocol`. */
export const TCP = 6;

export interface Datagram {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly payload: Uint8Array;
  /** Bytes at its end that were not captured. */
  readonly missingBytes: number;
}

interface Fragments {
  readonly pieces: { readonly at: number; readonly bytes: Uint8Array }[];
  /** Of the whole payload, once the last fragment has come. */
  length: number | undefined;
  bytes: number;
}

interface Header extends Omit<Datagram, 'payload' | 'missingBytes'> {
  readonly payloadAt: number;
  /** Of the payload, as the header has it. */
  readonly length: number;
  readonly fragment: { readonly id: number; readonly at: number; readonly hasMore: boolean } | undefined;
}

const PROTOCOL = { hopByHop: 0, ipInIp: 4, ipv6: 41, routing: 43, fragment: 44, authentication: 51, options: 60 };
const EXTENSIONS = [PROTOCOL.hopByHop, PROTOCOL.routing, PROTOCOL.options, 135, 139, 140];
const MAX_DATAGRAMS = 256;
const MAX_PIECES = 1000;
const MAX_DATAGRAM_BYTES = 65_535;
const MAX_DEPTH = 4;

export class IpReader {
  readonly #fragments = new Map<string, Fragments>();

  /** @returns what the packet carries; undefined when it is none, or a fragment of which others are missing */
  read(packet: Uint8Array, depth = 0): Datagram | undefined {
    const header = packet[0] !== undefined && packet[0] >>> 4 === 6 ? readIpv6(packet) : readIpv4(packet);
    if (header === undefined || depth > MAX_DEPTH) return undefined;
    const { source, destination, protocol, payloadAt, length, fragment } = header;
    const payload = packet.subarray(payloadAt, payloadAt + length);
    const whole = fragment === undefined ? payload : this.#assemble(header, payload);
    if (whole === undefined) return undefined;
    if (fragment !== undefined && EXTENSIONS.includes(protocol)) return undefined;
    if (protocol === PROTOCOL.ipInIp || protocol === PROTOCOL.ipv6) return this.read(whole, depth + 1);
    const missingBytes = fragment === undefined ? length - payload.length : 0;
    return { source, destination, protocol, payload: whole, missingBytes };
  }

  #assemble({ source, destination, protocol, fragment }: Header, payload: Uint8Array): Uint8Array | undefined {
    const { id, at, hasMore } = fragment!;
    if (at === 0 && !hasMore) return payload;
    if (at + payload.length > MAX_DATAGRAM_BYTES) return undefined;
    const key = `${source} ${destination} ${protocol} ${id}`;
    const fragments = this.#fragments.get(key) ?? { pieces: [], length: undefined, bytes: 0 };
    this.#fragments.set(key, fragments);
    if (this.#fragments.size > MAX_DATAGRAMS) this.#fragments.delete(this.#fragments.keys().next().value!);
    if (fragments.pieces.length < MAX_PIECES && !fragments.pieces.some((piece) => piece.at === at)) {
      fragments.pieces.push({ at, bytes: payload.slice() });
      fragments.bytes += payload.length;
    }
    if (!hasMore) fragments.length = at + payload.length;
    // Pieces that overlap say more bytes than there are.
    if (fragments.length === undefined || fragments.bytes < fragments.length) {
      if (fragments.bytes > 2 * MAX_DATAGRAM_BYTES) this.#fragments.delete(key);
      return undefined;
    }
    const whole = new Uint8Array(fragments.length);
    let end = 0;
    for (const piece of fragments.pieces.toSorted((a, b) => a.at - b.at)) {
      if (piece.at > end) return undefined;
      whole.set(piece.bytes.subarray(0, Math.max(0, whole.length - piece.at)), piece.at);
      end = Math.max(end, piece.at + piece.bytes.length);
    }
    this.#fragments.delete(key);
    return whole;
  }
}

function readIpv4(packet: Uint8Array): Header | undefined {
  if (packet.length < 20 || packet[0]! >>> 4 !== 4) return undefined;
  const payloadAt = 4 * (packet[0]! & 0xf);
  const totalLength = uint16(packet, 2);
  const flags = uint16(packet, 6);
  const at = 8 * (flags & 0x1fff);
  const hasMore = (flags & 0x2000) !== 0;
  // 0: the network card divides it later.
  const length = (totalLength === 0 ? packet.length : totalLength) - payloadAt;
  if (payloadAt < 20 || length < 0) return undefined;
  return {
    source: [...packet.subarray(12, 16)].join('.'),
    destination: [...packet.subarray(16, 20)].join('.'),
    protocol: packet[9]!,
    payloadAt,
    length,
    fragment: at === 0 && !hasMore ? undefined : { id: uint16(packet, 4), at, hasMore },
  };
}

function readIpv6(packet: Uint8Array): Header | undefined {
  if (packet.length < 40) return undefined;
  const payloadLength = uint16(packet, 4);
  const end = payloadLength === 0 ? packet.length : 40 + payloadLength;
  let fragment: Header['fragment'];
  let protocol = packet[6]!;
  let at = 40;
  while (EXTENSIONS.includes(protocol) || protocol === PROTOCOL.authentication || protocol === PROTOCOL.fragment) {
    if (at + 8 > packet.length) return undefined;
    const isFragment = protocol === PROTOCOL.fragment;
    if (isFragment) {
      const offset = uint16(packet, at + 2);
      const id = uint16(packet, at + 4) * 65_536 + uint16(packet, at + 6);
      fragment = { id, at: offset & 0xfff8, hasMore: (offset & 1) === 1 };
    }
    const [next, length] = [packet[at]!, packet[at + 1]!];
    at += isFragment ? 8 : protocol === PROTOCOL.authentication ? 4 * (length + 2) : 8 * (length + 1);
    protocol = next;
    // What follows is a part of the payload that is put together.
    if (isFragment) break;
  }
  if (at > end) return undefined;
  return {
    source: ipv6Text(packet.subarray(8, 24)),
    destination: ipv6Text(packet.subarray(24, 40)),
    protocol,
    payloadAt: at,
    length: end - at,
    fragment,
  };
}

/** RFC 5952: the longest run of zeros is left out. */
function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => uint16(bytes, 2 * i));
  let [best, bestLength] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) [best, bestLength] = [i, end - i];
  }
  const text = (some: number[]) => some.map((group) => group.toString(16)).join(':');
  return best === -1 ? text(groups) : `${text(groups.slice(0, best))}::${text(groups.slice(best + bestLength))}`;
}

/** Finds what a TCP segment carries in a packet that somebody has copied with all its headers. */

import { uint16 } from '../bytes.ts';
import { IpReader, TCP } from './ip.ts';
import { ipPacketOf } from './link.ts';

export interface PastedSegment {
  /** Address and port of who sent it. */
  readonly from: string;
  readonly payload: Uint8Array;
}

/** Raw IP, Ethernet, Linux cooked, loopback: what copies begin with. */
const LINK_TYPES = [101, 1, 113, 276, 0];

/** The segment in a packet; undefined when the bytes are none, as those of frames are not. */
export function pastedSegment(bytes: Uint8Array): PastedSegment | undefined {
  for (const linkType of LINK_TYPES) {
    const packet = ipPacketOf(linkType, bytes);
    if (packet === undefined || !isWholePacket(packet)) continue;
    const datagram = new IpReader().read(packet);
    if (datagram?.protocol !== TCP || datagram.payload.length < 20) continue;
    const { source, payload } = datagram;
    return { from: `${source} ${uint16(payload, 0)}`, payload: payload.subarray(4 * (payload[12]! >>> 4)) };
  }
  return undefined;
}

/** IPv4 has a checksum (RFC 791 3.1); of IPv6, the length has to fit. */
function isWholePacket(packet: Uint8Array): boolean {
  if (packet[0]! >>> 4 === 6) return packet.length >= 60 && uint16(packet, 4) === packet.length - 40;
  const headerLength = 4 * (packet[0]! & 0xf);
  if (headerLength < 20 || packet.length < headerLength || uint16(packet, 2) > packet.length) return false;
  let sum = 0;
  for (let at = 0; at < headerLength; at += 2) sum += uint16(packet, at);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

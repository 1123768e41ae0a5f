/** Finds the IP packet in what a network interface saw: Ethernet with its tags, Linux "any", loopback, and others. */

import { uint16 } from '../bytes.ts';

const ETHER_IPV4 = 0x0800;
const ETHER_IPV6 = 0x86dd;
/** 802.1Q, 802.1ad, and what switches used before. */
const ETHER_TAGS = [0x8100, 0x88a8, 0x9100, 0x9200];
const ETHER_PPPOE = 0x8864;
const ETHER_MPLS = [0x8847, 0x8848];

/** Where, by LINKTYPE_, the EtherType stands, or the packet begins. */
const LINKS: Readonly<Record<number, { readonly etherTypeAt?: number; readonly packetAt: number }>> = {
  0: { packetAt: 4 },
  1: { etherTypeAt: 12, packetAt: 14 },
  9: { packetAt: 2 },
  12: { packetAt: 0 },
  14: { packetAt: 0 },
  50: { packetAt: 4 },
  51: { packetAt: 8 },
  101: { packetAt: 0 },
  108: { packetAt: 4 },
  109: { packetAt: 12 },
  113: { etherTypeAt: 14, packetAt: 16 },
  228: { packetAt: 0 },
  229: { packetAt: 0 },
  276: { etherTypeAt: 0, packetAt: 20 },
};
const NFLOG = 239;

/** For people, when a file has packets of another kind. */
export function isKnownLink(linkType: number): boolean {
  return linkType in LINKS || linkType === NFLOG;
}

/** The IP packet, with whatever pads it; undefined when there is none. */
export function ipPacketOf(linkType: number, bytes: Uint8Array): Uint8Array | undefined {
  if (linkType === NFLOG) return ipVersionOf(nflogPayload(bytes));
  const link = LINKS[linkType];
  if (link === undefined) return undefined;
  if (link.etherTypeAt === undefined) return ipVersionOf(bytes.subarray(link.packetAt));
  let etherType = uint16(bytes, link.etherTypeAt);
  let at = link.packetAt;
  while (ETHER_TAGS.includes(etherType)) {
    etherType = uint16(bytes, at + 2);
    at += 4;
  }
  // 802.3: a length in place of the type, and SNAP.
  if (etherType < 0x600 && bytes[at] === 0xaa && bytes[at + 1] === 0xaa) {
    etherType = uint16(bytes, at + 6);
    at += 8;
  }
  if (etherType === ETHER_PPPOE) at += 8;
  else if (ETHER_MPLS.includes(etherType)) {
    while (at + 4 <= bytes.length && (bytes[at + 2]! & 1) === 0) at += 4;
    at += 4;
  } else if (etherType !== ETHER_IPV4 && etherType !== ETHER_IPV6) return undefined;
  return ipVersionOf(bytes.subarray(at));
}

function ipVersionOf(packet: Uint8Array): Uint8Array | undefined {
  const version = (packet[0] ?? 0) >>> 4;
  return version === 4 || version === 6 ? packet : undefined;
}

/** Fields of type, length and value, the packet among them. */
function nflogPayload(bytes: Uint8Array): Uint8Array {
  for (let at = 4; at + 4 <= bytes.length; ) {
    const length = bytes[at]! | (bytes[at + 1]! << 8);
    const type = bytes[at + 2]! | (bytes[at + 3]! << 8);
    if (type === 9) return bytes.subarray(at + 4, at + length);
    if (length < 4) break;
    at += (length + 3) & ~3;
  }
  return bytes.subarray(bytes.length);
}

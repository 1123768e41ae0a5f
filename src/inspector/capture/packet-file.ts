/**
 * Reads packets out of capture files, as their bytes come: pcap of both byte orders, with micro- and nanoseconds, and
 * pcapng with its sections, interfaces, packet blocks and decryption secrets. What stands in the packets is not known here.
 */

import { dataViewOf, latin1, PendingBytes } from '../bytes.ts';

export interface Packet {
  /** A LINKTYPE_ number of tcpdump.org. */
  readonly linkType: number;
  /** A view of the bytes given: valid during the call. */
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly atMs: number | undefined;
}

export interface PacketHandler {
  onPacket(packet: Packet): void;
  /** Lines of a TLS key log that the file carries. */
  onSecrets?(text: string): void;
}

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly unitsPerMs: number;
  readonly offsetMs: number;
}

/** Longer records are no packets: the file is damaged. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

const PCAP_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Kuznetzov's variant has eight bytes more in front of each packet. */
const MAGICS: Readonly<Record<number, { unitsPerMs: number; recordHeaderBytes: number }>> = {
  2712847316: { unitsPerMs: 1e3, recordHeaderBytes: RECORD_HEADER_BYTES },
  2712812621: { unitsPerMs: 1e6, recordHeaderBytes: RECORD_HEADER_BYTES },
  2712849716: { unitsPerMs: 1e3, recordHeaderBytes: RECORD_HEADER_BYTES + 8 },
};

const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const TLS_KEY_LOG = 0x544c534b;
const BLOCK = { interface: 1, packet: 2, simplePacket: 3, enhancedPacket: 6, secrets: 10 };
const OPTION = { end: 0, timeResolution: 9, timeOffset: 14 };

/** Which kind of capture file begins so; undefined for none. */
export function captureKindOf(bytes: Uint8Array): 'pcap' | 'pcapng' | undefined {
  if (bytes.length < 4) return undefined;
  const view = dataViewOf(bytes);
  if (view.getUint32(0) === SECTION_HEADER) return 'pcapng';
  return view.getUint32(0) in MAGICS || view.getUint32(0, true) in MAGICS ? 'pcap' : undefined;
}

export class PacketFileReader {
  /** What is wrong with the file; behind that nothing is read. */
  fault: string | undefined;
  readonly #handler: PacketHandler;
  readonly #pending = new PendingBytes();
  /** How many bytes the next record has, as far as is known. */
  #wanted = 0;
  #kind: 'pcap' | 'pcapng' | undefined;
  #isLittle = true;
  #recordHeaderBytes = RECORD_HEADER_BYTES;
  /** Of the section at hand. */
  #interfaces: Interface[] = [];
  #hasSection = false;

  constructor(handler: PacketHandler) {
    this.#handler = handler;
  }

  push(chunk: Uint8Array): void {
    if (this.fault !== undefined) return;
    const bytes = this.#pending.add(chunk);
    if (bytes === undefined) return;
    let at = 0;
    while (this.fault === undefined) {
      this.#wanted = 0;
      const length = this.#record(bytes.subarray(at));
      if (length === 0) break;
      at += length;
    }
    this.#pending.keep(bytes.subarray(at), this.#wanted);
  }

  /** No more bytes come. */
  finish(): void {
    if (this.fault === undefined && this.#pending.length > 0) this.fault = 'the file ends inside a packet';
  }

  /** Reads what the bytes begin with. @returns its length; 0 while it is not all there */
  #record(bytes: Uint8Array): number {
    if (this.#kind === undefined) return this.#begin(bytes);
    return this.#kind === 'pcap' ? this.#pcapRecord(bytes) : this.#block(bytes);
  }

  #begin(bytes: Uint8Array): number {
    const kind = captureKindOf(bytes);
    if (kind === undefined) {
      if (bytes.length >= 4) this.fault = 'the file is no capture';
      return 0;
    }
    if (kind === 'pcapng') {
      this.#kind = kind;
      return this.#block(bytes);
    }
    if (bytes.length < PCAP_HEADER_BYTES) return 0;
    this.#kind = kind;
    const view = dataViewOf(bytes);
    this.#isLittle = !(view.getUint32(0) in MAGICS);
    const { unitsPerMs, recordHeaderBytes } = MAGICS[view.getUint32(0, this.#isLittle)]!;
    this.#recordHeaderBytes = recordHeaderBytes;
    const linkType = view.getUint32(20, this.#isLittle) & 0xffff;
    this.#interfaces = [{ linkType, snapLength: 0, unitsPerMs, offsetMs: 0 }];
    return PCAP_HEADER_BYTES;
  }

  #pcapRecord(bytes: Uint8Array): number {
    const start = this.#recordHeaderBytes;
    if (bytes.length < start) return 0;
    const view = dataViewOf(bytes);
    const length = view.getUint32(8, this.#isLittle);
    if (length > MAX_RECORD_BYTES) {
      this.fault = `a packet says that it has ${length} bytes: the file is damaged`;
      return 0;
    }
    this.#wanted = start + length;
    if (bytes.length < this.#wanted) return 0;
    const { linkType, unitsPerMs } = this.#interfaces[0]!;
    const atMs = view.getUint32(0, this.#isLittle) * 1000 + view.getUint32(4, this.#isLittle) / unitsPerMs;
    this.#handler.onPacket({ linkType, atMs, bytes: bytes.subarray(start, start + length) });
    return start + length;
  }

  #block(bytes: Uint8Array): number {
    if (bytes.length < 12) return 0;
    const view = dataViewOf(bytes);
    const isSection = view.getUint32(0) === SECTION_HEADER;
    if (isSection) {
      this.#isLittle = view.getUint32(8, true) === BYTE_ORDER_MAGIC;
      if (!this.#isLittle && view.getUint32(8) !== BYTE_ORDER_MAGIC) {
        this.fault = 'a section has no byte order: the file is damaged';
        return 0;
      }
      this.#interfaces = [];
      this.#hasSection = true;
    }
    const length = view.getUint32(4, this.#isLittle);
    if (length < 12 || length % 4 !== 0 || length > MAX_RECORD_BYTES || !this.#hasSection) {
      this.fault = `a block says that it has ${length} bytes: the file is damaged`;
      return 0;
    }
    this.#wanted = length;
    if (bytes.length < length) return 0;
    if (!isSection) this.#readBlock(view.getUint32(0, this.#isLittle), bytes.subarray(8, length - 4));
    return length;
  }

  #readBlock(type: number, body: Uint8Array): void {
    const view = dataViewOf(body);
    const isLittle = this.#isLittle;
    if (type === BLOCK.interface && body.length >= 8) {
      this.#interfaces.push(this.#readInterface(body));
    } else if (type === BLOCK.enhancedPacket && body.length >= 20) {
      this.#packet(this.#interfaces[view.getUint32(0, isLittle)], body, view.getUint32(12, isLittle));
    } else if (type === BLOCK.packet && body.length >= 20) {
      this.#packet(this.#interfaces[view.getUint16(0, isLittle)], body, view.getUint32(12, isLittle));
    } else if (type === BLOCK.simplePacket && body.length >= 4) {
      const [first] = this.#interfaces;
      if (first === undefined) return;
      const length = view.getUint32(0, isLittle);
      const kept = first.snapLength === 0 ? length : Math.min(length, first.snapLength);
      this.#handler.onPacket({ linkType: first.linkType, atMs: undefined, bytes: body.subarray(4, 4 + kept) });
    } else if (type === BLOCK.secrets && body.length >= 8 && view.getUint32(0, isLittle) === TLS_KEY_LOG) {
      const secrets = body.subarray(8, 8 + view.getUint32(4, isLittle));
      this.#handler.onSecrets?.(latin1(secrets));
    }
  }

  #packet(its: Interface | undefined, body: Uint8Array, length: number): void {
    if (its === undefined) return;
    const view = dataViewOf(body);
    const time = view.getUint32(4, this.#isLittle) * 2 ** 32 + view.getUint32(8, this.#isLittle);
    const atMs = time / its.unitsPerMs + its.offsetMs;
    this.#handler.onPacket({ linkType: its.linkType, atMs, bytes: body.subarray(20, 20 + length) });
  }

  #readInterface(body: Uint8Array): Interface {
    const view = dataViewOf(body);
    const isLittle = this.#isLittle;
    let unitsPerMs = 1e3;
    let offsetMs = 0;
    for (let at = 8; at + 4 <= body.length; ) {
      const [code, length] = [view.getUint16(at, isLittle), view.getUint16(at + 2, isLittle)];
      if (code === OPTION.end || at + 4 + length > body.length) break;
      if (code === OPTION.timeResolution && length >= 1) {
        const resolution = view.getUint8(at + 4);
        unitsPerMs = ((resolution & 0x80) === 0 ? 10 : 2) ** (resolution & 0x7f) / 1000;
      } else if (code === OPTION.timeOffset && length >= 8) {
        offsetMs = Number(view.getBigInt64(at + 4, isLittle)) * 1000;
      }
      at += 4 + length + ((4 - (length % 4)) % 4);
    }
    return { linkType: view.getUint16(0, isLittle), snapLength: view.getUint32(4, isLittle), unitsPerMs, offsetMs };
  }
}

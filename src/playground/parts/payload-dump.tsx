/**
 * A payload byte by byte: with a masking key, how each byte on the wire and one of the key make a byte of the payload. A
 * long one is shown by the page.
 */

import { useEffect, useState } from 'react';
import { type FrameView, formatHex, parseHex } from '../../inspector/index.ts';
import { Pager } from './pager.tsx';

const BYTES_PER_BLOCK = 8;
export const BYTES_PER_PAGE = 128;

/** Some of a payload, as it was sent and unmasked. */
export interface PayloadPart {
  readonly wire: Uint8Array;
  readonly data: Uint8Array;
}

/** Reads payload from place `at` on; fewer bytes than asked for where it ends, or is not kept. */
export type ReadPayload = (at: number, length: number) => Promise<PayloadPart>;

interface PayloadDumpProps {
  readonly frame: FrameView;
  /** The byte in which a violation lies, from the frame's first on. */
  readonly faultAt?: number | undefined;
  /** For what the view does not hold. */
  readonly readPayload?: ReadPayload | undefined;
}

export function PayloadDump({ frame, faultAt, readPayload }: PayloadDumpProps) {
  const { presentLength } = frame.payload;
  const fault = faultAt === undefined ? -1 : faultAt - frame.headerHex.split(' ').length;
  const [at, setAt] = useState(() => pageOf(Math.max(fault, 0)));
  const part = usePart(frame, at, readPayload);
  if (presentLength === 0) return null;
  const key = frame.fields.find((field) => field.id === 'maskingKey')?.wire.split(' ');
  const starts = Array.from({ length: Math.ceil((part?.data.length ?? 0) / BYTES_PER_BLOCK) }, (_, i) => i);
  return (
    <section className="payload" aria-label="Payload">
      <h3>{key === undefined ? 'Payload' : 'Payload: wire ⊕ key = data'}</h3>
      {presentLength > BYTES_PER_PAGE && (
        <Pager at={at} pageLength={BYTES_PER_PAGE} length={presentLength} unit="byte" onMove={setAt} />
      )}
      {part && part.data.length === 0 && <p className="hint">These bytes are not kept.</p>}
      <div className="blocks">
        {part &&
          starts.map((i) => (
            <Block
              key={i}
              frame={frame}
              at={at}
              start={i * BYTES_PER_BLOCK}
              part={part}
              maskingKey={key}
              fault={fault}
            />
          ))}
      </div>
    </section>
  );
}

function pageOf(place: number): number {
  return place - (place % BYTES_PER_PAGE);
}

/** The part that begins at `at`; undefined while it is being read. */
function usePart(frame: FrameView, at: number, readPayload: ReadPayload | undefined): PayloadPart | undefined {
  const [read, setRead] = useState<PayloadPart & { readonly at: number }>();
  const { wireHex, unmaskedHex, presentLength } = frame.payload;
  const end = Math.min(at + BYTES_PER_PAGE, presentLength);
  const isHeld = unmaskedHex.length >= 3 * end - 1 || readPayload === undefined;
  useEffect(() => {
    if (isHeld) return;
    let isWanted = true;
    void readPayload(at, end - at).then((part) => isWanted && setRead({ ...part, at }));
    return () => {
      isWanted = false;
    };
  }, [isHeld, at, end, readPayload]);
  if (!isHeld) return read?.at === at ? read : undefined;
  return { wire: parseHex(wireHex.slice(3 * at, 3 * end)), data: parseHex(unmaskedHex.slice(3 * at, 3 * end)) };
}

interface BlockProps {
  readonly frame: FrameView;
  /** Where the part begins in the payload. */
  readonly at: number;
  /** Where the block begins in the part. */
  readonly start: number;
  readonly part: PayloadPart;
  readonly maskingKey: readonly string[] | undefined;
  /** The byte of the payload in which a violation lies, or −1. */
  readonly fault: number;
}

function Block({ frame, at, start, part, maskingKey, fault }: BlockProps) {
  const bytes = part.data.subarray(start, start + BYTES_PER_BLOCK);
  const places = Array.from(bytes, (_, i) => at + start + i);
  const fields = places.map((place) => fieldAt(frame, place));
  const rows: [name: string, cells: readonly string[]][] = [
    ['data', hexCells(bytes)],
    ['text', Array.from(bytes, characterOf)],
  ];
  if (maskingKey !== undefined) {
    const keyCells = places.map((place) => maskingKey[place % 4]!);
    rows.unshift(['wire', hexCells(part.wire.subarray(start, start + BYTES_PER_BLOCK))], ['key', keyCells]);
  }
  return (
    <table className="block">
      <caption>{at + start}</caption>
      <tbody>
        {rows.map(([name, cells]) => (
          <tr key={name} className={`row-${name}`}>
            <th scope="row">{name}</th>
            {cells.map((cell, i) => (
              <td
                key={places[i]}
                data-field={name === 'key' ? 'maskingKey' : fields[i]}
                className={places[i] === fault && name !== 'key' ? 'byte-fault' : undefined}
              >
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** §5.5.1: the payload of a Close frame has fields of its own. */
function fieldAt(frame: FrameView, place: number): string {
  if (!frame.fields.some(({ id }) => id === 'statusCode')) return 'payload';
  return place < 2 ? 'statusCode' : 'closeReason';
}

function hexCells(bytes: Uint8Array): string[] {
  return bytes.length === 0 ? [] : formatHex(bytes).split(' ');
}

function characterOf(byte: number): string {
  if (byte === 0x20) return '␣';
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
}

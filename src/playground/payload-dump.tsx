/** A payload byte by byte: with a masking key, how each byte on the wire and one of the key make a byte of the payload. */

import type { FrameView } from '../inspector/index.ts';

const BYTES_PER_BLOCK = 8;
const MAX_BYTES = 256;

export function PayloadDump({ frame }: { frame: FrameView }) {
  const { wireHex, unmaskedHex, presentLength } = frame.payload;
  if (presentLength === 0) return null;
  const key = frame.fields.find((field) => field.id === 'maskingKey')?.wire.split(' ');
  const wire = wireHex.slice(0, 3 * MAX_BYTES - 1).split(' ');
  const bytes = unmaskedHex.slice(0, 3 * MAX_BYTES - 1).split(' ');
  const starts = Array.from({ length: Math.ceil(bytes.length / BYTES_PER_BLOCK) }, (_, i) => i * BYTES_PER_BLOCK);
  return (
    <section className="payload" aria-label="Payload">
      <h4>{key === undefined ? 'Payload' : 'Payload: wire ⊕ key = data'}</h4>
      <div className="blocks">
        {starts.map((start) => (
          <Block key={start} start={start} wire={wire} bytes={bytes} maskingKey={key} />
        ))}
      </div>
      {presentLength > MAX_BYTES && <p className="hint">… and {presentLength - MAX_BYTES} more bytes</p>}
    </section>
  );
}

interface BlockProps {
  readonly start: number;
  readonly wire: readonly string[];
  readonly bytes: readonly string[];
  readonly maskingKey: readonly string[] | undefined;
}

function Block({ start, wire, bytes, maskingKey }: BlockProps) {
  const end = start + BYTES_PER_BLOCK;
  const part = bytes.slice(start, end);
  const rows: [name: string, cells: readonly string[]][] = [
    ['data', part],
    ['text', part.map(characterOf)],
  ];
  if (maskingKey !== undefined) {
    rows.unshift(['wire', wire.slice(start, end)], ['key', part.map((_, i) => maskingKey[(start + i) % 4]!)]);
  }
  return (
    <table className="block">
      <caption className="visually-hidden">from byte {start}</caption>
      <tbody>
        {rows.map(([name, cells]) => (
          <tr key={name} className={`row-${name}`}>
            <th scope="row">{name}</th>
            {cells.map((cell, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a byte is known by its place
              <td key={i}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function characterOf(hex: string): string {
  const byte = Number.parseInt(hex, 16);
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : byte === 0x20 ? '␣' : '·';
}

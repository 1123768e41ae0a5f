/** The bytes of a header, each naming the fields that lie in it. The arrow keys go from byte to byte. */

import { type KeyboardEvent, useState } from 'react';
import { type FieldView, type FrameView, plural } from '../../inspector/index.ts';

interface HeaderBytesProps {
  readonly frame: FrameView;
  /** The byte in which a violation lies, from the frame's first on. */
  readonly faultAt?: number | undefined;
}

export function HeaderBytes({ frame, faultAt }: HeaderBytesProps) {
  const [current, setCurrent] = useState(0);
  const bytes = frame.headerHex.split(' ');
  const reachable = Math.min(current, bytes.length - 1);
  const move = (event: KeyboardEvent<HTMLElement>) => {
    const next = nextIndex(event.key, reachable, bytes.length);
    if (next === undefined) return;
    event.preventDefault();
    setCurrent(next);
    (event.currentTarget.children[next] as HTMLElement).focus();
  };
  return (
    <section className="header-bytes" aria-label="Header bytes">
      <h3>Header, {plural(bytes.length, 'byte')}</h3>
      <div className="bytes" role="toolbar" aria-label="Header bytes; arrow keys go from byte to byte" onKeyDown={move}>
        {bytes.map((hex, i) => {
          const own = frame.fields.filter((field) => overlapsByte(field, i));
          return (
            <button
              // biome-ignore lint/suspicious/noArrayIndexKey: a byte is known by its place
              key={i}
              type="button"
              className={i === faultAt ? 'byte byte-fault' : 'byte'}
              data-field={own.map(({ id }) => id).join(' ')}
              tabIndex={i === reachable ? 0 : -1}
              aria-label={`byte ${i}, ${hex}: ${own.map(sayField).join(', ') || 'part of a field that is cut off'}`}
              onFocus={() => setCurrent(i)}
            >
              {hex}
            </button>
          );
        })}
      </div>
    </section>
  );
}

/** Where an arrow key leads in a list; undefined for other keys. */
function nextIndex(key: string, index: number, count: number): number | undefined {
  if (key === 'ArrowRight' || key === 'ArrowDown') return Math.min(index + 1, count - 1);
  if (key === 'ArrowLeft' || key === 'ArrowUp') return Math.max(index - 1, 0);
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : undefined;
}

function overlapsByte({ firstBit, bitLength }: FieldView, byte: number): boolean {
  return firstBit < 8 * byte + 8 && firstBit + bitLength > 8 * byte;
}

function sayField({ name, value }: FieldView): string {
  return `${name} ${value}`;
}

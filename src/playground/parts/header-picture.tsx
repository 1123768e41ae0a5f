/**
 * A frame's header drawn to scale, sixteen bits to a row, in the manner of the figure in §5.2. For the eye only: the
 * table of fields says the same in words.
 */

import type { CSSProperties } from 'react';
import type { FieldView, FrameView } from '../../inspector/index.ts';

const BITS_PER_ROW = 16;

interface Cell {
  readonly field: FieldView;
  readonly row: number;
  readonly column: number;
  readonly bits: number;
  readonly isFirst: boolean;
}

export function HeaderPicture({ frame }: { frame: FrameView }) {
  const bytes = frame.headerHex.split(' ');
  const headerBits = 8 * bytes.length;
  const fields = frame.fields.filter((field) => field.firstBit + field.bitLength <= headerBits);
  const rows = Array.from({ length: Math.ceil(bytes.length / 2) }, (_, row) => row);
  return (
    <div className="picture" aria-hidden="true">
      {rows.map((row) => (
        <span key={row} className="picture-bytes" style={{ gridRow: row + 1 }}>
          {bytes.slice(2 * row, 2 * row + 2).join(' ')}
        </span>
      ))}
      {fields.flatMap(cellsOf).map((cell) => (
        <PictureCell key={`${cell.field.id}-${cell.row}`} cell={cell} />
      ))}
    </div>
  );
}

function PictureCell({ cell: { field, row, column, bits, isFirst } }: { cell: Cell }) {
  const style: CSSProperties = { gridRow: row + 1, gridColumn: `${column + 2} / span ${bits}` };
  const kind = field.isFault ? 'fault' : field.id;
  return (
    <span className={`cell cell-${kind}${bits === 1 ? ' cell-bit' : ''}`} style={style} data-field={field.id}>
      <span className="cell-name">{isFirst ? field.name : `… ${field.name}`}</span>
      {bits < BITS_PER_ROW ? (
        <span className="cell-wire">{field.wire}</span>
      ) : (
        <span className="cell-wire">{wirePart(field, row)}</span>
      )}
    </span>
  );
}

/** The two bytes of a longer field that stand in this row. */
function wirePart(field: FieldView, row: number): string {
  const first = 2 * row - field.firstBit / 8;
  return field.wire
    .split(' ')
    .slice(first, first + 2)
    .join(' ');
}

/** One cell for each row that the field touches. */
function cellsOf(field: FieldView): Cell[] {
  const cells: Cell[] = [];
  const end = field.firstBit + field.bitLength;
  for (let bit = field.firstBit; bit < end; ) {
    const row = Math.floor(bit / BITS_PER_ROW);
    const column = bit % BITS_PER_ROW;
    const bits = Math.min(end - bit, BITS_PER_ROW - column);
    cells.push({ field, row, column, bits, isFirst: bit === field.firstBit });
    bit += bits;
  }
  return cells;
}

/** One frame: a line that says what it is, and behind it everything that can be said about it. */

import { memo } from 'react';
import { type Direction, type FrameView, plural, type ViolationView } from '../inspector/index.ts';
import { Disclosure } from './disclosure.tsx';
import { FieldTable } from './field-table.tsx';
import { HeaderPicture } from './header-picture.tsx';
import { PayloadDump } from './payload-dump.tsx';
import { ViolationNote } from './violation-note.tsx';

interface FrameCardProps {
  readonly frame: FrameView;
  readonly direction?: Direction | undefined;
  readonly atMs?: number | undefined;
  /** When it lies in this frame. */
  readonly violation?: ViolationView | undefined;
  readonly isOpen?: boolean;
}

const DIRECTIONS = {
  clientToServer: { arrow: '↑', label: 'client to server' },
  serverToClient: { arrow: '↓', label: 'server to client' },
};

export const FrameCard = memo(function FrameCard({
  frame,
  direction,
  atMs,
  violation,
  isOpen = false,
}: FrameCardProps) {
  const summary = (
    <>
      {direction && (
        <span className="arrow" role="img" aria-label={DIRECTIONS[direction].label}>
          {DIRECTIONS[direction].arrow}
        </span>
      )}
      <span className={`kind kind-${frame.opcodeName.replace(' ', '-')}`}>{frame.opcodeName}</span>
      <span className="what">{whatOf(frame)}</span>
      <span className="preview">{previewOf(frame)}</span>
      {atMs !== undefined && <span className="time">{atMs.toFixed(1)} ms</span>}
    </>
  );
  const kind = violation === undefined ? (direction ?? 'plain') : 'fault';
  return (
    <Disclosure className={`frame frame-${kind}`} summary={summary} isInitiallyOpen={isOpen}>
      {() => <FrameBody frame={frame} violation={violation} />}
    </Disclosure>
  );
});

function FrameBody({ frame, violation }: Pick<FrameCardProps, 'frame' | 'violation'>) {
  return (
    <div className="frame-body">
      {violation && <ViolationNote violation={violation} />}
      <div className="anatomy">
        <div>
          <h4>
            Header, {frame.headerHex.split(' ').length} bytes: <code>{frame.headerHex}</code>
          </h4>
          <HeaderPicture frame={frame} />
          <PayloadDump frame={frame} />
        </div>
        <FieldTable fields={frame.fields} />
      </div>
    </div>
  );
}

function whatOf({ fin, masked, payload, message, state }: FrameView): string {
  const parts = [plural(payload.declaredLength, 'byte')];
  if (masked) parts.push('masked');
  if (!fin || (message?.part ?? 1) > 1) parts.push(`fragment ${message?.part ?? ''}`.trim());
  if (state === 'cut') parts.push('cut off');
  if (state === 'refused') parts.push('refused');
  return parts.join(', ');
}

function previewOf({ payload, fields, opcodeName }: FrameView): string {
  const code = fields.find((field) => field.id === 'statusCode')?.value;
  if (opcodeName === 'close') return [code, payload.text].filter(Boolean).join(' ');
  if (payload.presentLength === 0) return '';
  const text = payload.text === undefined ? payload.unmaskedHex : `“${payload.text}”`;
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

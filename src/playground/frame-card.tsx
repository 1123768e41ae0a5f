/** One frame: a line that says what it is, and behind it everything that can be said about it. */

import { type FrameView, plural, type ViolationView } from '../inspector/index.ts';
import { FieldTable } from './field-table.tsx';
import { HeaderPicture } from './header-picture.tsx';
import { PayloadDump } from './payload-dump.tsx';
import { ViolationNote } from './violation-note.tsx';

interface FrameCardProps {
  readonly frame: FrameView;
  readonly direction?: 'clientToServer' | 'serverToClient';
  readonly atMs?: number;
  readonly violation?: ViolationView | undefined;
  readonly isOpen?: boolean;
}

const DIRECTIONS = {
  clientToServer: { arrow: '↑', label: 'client to server' },
  serverToClient: { arrow: '↓', label: 'server to client' },
};

export function FrameCard({ frame, direction, atMs, violation, isOpen = false }: FrameCardProps) {
  const isFaulty = violation?.frame === frame.index;
  return (
    <details className={`frame frame-${isFaulty ? 'fault' : (direction ?? 'plain')}`} open={isOpen}>
      <summary>
        {direction && (
          <span className="arrow" role="img" aria-label={DIRECTIONS[direction].label}>
            {DIRECTIONS[direction].arrow}
          </span>
        )}
        <span className={`kind kind-${frame.opcodeName.replace(' ', '-')}`}>{frame.opcodeName}</span>
        <span className="what">{whatOf(frame)}</span>
        <span className="preview">{previewOf(frame)}</span>
        {atMs !== undefined && <span className="time">{atMs.toFixed(1)} ms</span>}
      </summary>
      <div className="frame-body">
        {isFaulty && <ViolationNote violation={violation} />}
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
    </details>
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

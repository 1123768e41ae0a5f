/**
 * One frame, with everything that can be said about it: its bytes, its bits, its fields in words, and its payload. A field
 * that is pointed at lights up in all of them, and so does a byte.
 */

import type { FrameView, ViolationView } from '../../inspector/index.ts';
import { FieldGroup } from './field-group.tsx';
import { FieldTable } from './field-table.tsx';
import { HeaderBytes } from './header-bytes.tsx';
import { HeaderPicture } from './header-picture.tsx';
import { InflatedMessage } from './inflated-message.tsx';
import { PayloadDump, type ReadPayload } from './payload-dump.tsx';
import { ViolationNote } from './violation-note.tsx';

interface FrameDetailProps {
  readonly frame: FrameView;
  /** When it lies in this frame. */
  readonly violation?: ViolationView | undefined;
  /** For payload that the view does not hold. */
  readonly readPayload?: ReadPayload | undefined;
}

export function FrameDetail({ frame, violation, readPayload }: FrameDetailProps) {
  return (
    <FieldGroup className="frame-detail">
      {violation && <ViolationNote violation={violation} />}
      <div className="anatomy">
        <div>
          <HeaderBytes frame={frame} faultAt={violation && violation.faultOffset - violation.offset} />
          <HeaderPicture frame={frame} />
        </div>
        <FieldTable fields={frame.fields} />
      </div>
      <PayloadDump
        frame={frame}
        faultAt={violation && violation.faultOffset - violation.offset}
        readPayload={readPayload}
      />
      {frame.completed && <InflatedMessage message={frame.completed} />}
    </FieldGroup>
  );
}

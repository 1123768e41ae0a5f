/** What was wrong, where, and what its sender has to change. */

import type { ViolationView } from '../../inspector/index.ts';
import { SectionLink } from './section-link.tsx';

export function ViolationNote({ violation }: { violation: ViolationView }) {
  return (
    <div className="violation" role="note">
      <p>
        <strong>{violation.message}</strong> <SectionLink section={violation.section} />
      </p>
      <p>To put it right, {violation.remedy}.</p>
      <p>
        The fault is in byte {violation.faultOffset}. The receiver fails the connection with Close {violation.closeCode}{' '}
        ({violation.closeCodeName}); Error.code is <code>{violation.code}</code>.
      </p>
    </div>
  );
}

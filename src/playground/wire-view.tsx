/** What passed on the wire, in order: the handshake, then every frame of both directions. */

import { useMemo } from 'react';
import { FrameCard } from './frame-card.tsx';
import { HandshakeView } from './handshake-view.tsx';
import type { SessionState } from './session.ts';
import { buildTimeline } from './timeline.ts';

export function WireView({ chunks, recordedUpTo }: Pick<SessionState, 'chunks' | 'recordedUpTo'>) {
  const timeline = useMemo(() => buildTimeline(chunks), [chunks]);
  return (
    <section className="panel wire" aria-labelledby="wire-title">
      <h2 id="wire-title">On the wire</h2>
      <p className="hint">
        Every byte as the server saw it. <span className="legend-up">↑ client to server</span>,{' '}
        <span className="legend-down">↓ server to client</span>. Open a frame to see its bits.
      </p>
      {chunks.length === 0 ? (
        <p className="empty">Nothing yet: connect, and the handshake appears here.</p>
      ) : (
        <div className="frames">
          <HandshakeView request={timeline.request} response={timeline.response} />
          {timeline.entries.map(({ direction, atMs, frame }) => (
            <FrameCard
              key={`${direction}-${frame.index}`}
              frame={frame}
              direction={direction}
              atMs={atMs}
              violation={timeline.views[direction].violation}
            />
          ))}
        </div>
      )}
      {recordedUpTo !== undefined && (
        <p className="hint">
          The recording stops at {recordedUpTo / 1024} KiB. The connection goes on; connect anew to record again.
        </p>
      )}
    </section>
  );
}

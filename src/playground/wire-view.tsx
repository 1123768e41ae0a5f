/** What passed on the wire, connection by connection, in order: the handshake, then every frame of both directions. */

import { memo, useLayoutEffect, useRef } from 'react';
import { plural } from '../inspector/index.ts';
import { FrameBlock } from './frame-block.tsx';
import { FrameCard } from './frame-card.tsx';
import { HandshakeView } from './handshake-view.tsx';
import type { RecordingView, TimelineEntry } from './recording.ts';

interface WireViewProps {
  readonly recordings: readonly RecordingView[];
  readonly onClear: () => void;
}

/** How far from its end a list counts as being there, in CSS pixels. */
const END_MARGIN_PX = 40;

export function WireView({ recordings, onClear }: WireViewProps) {
  const list = useRef<HTMLDivElement>(null);
  // The list follows what is new until somebody scrolls up or goes to a frame, and again from the next connection on.
  const isFollowing = useRef(true);
  const newest = recordings.at(-1);
  const frameCount = newest?.frameCount;
  const number = newest?.number;
  useLayoutEffect(() => {
    if (number !== undefined) isFollowing.current = true;
  }, [number]);
  useLayoutEffect(() => {
    if (number === undefined || frameCount === undefined || !isFollowing.current) return;
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [number, frameCount]);
  const look = () => {
    const { scrollTop, clientHeight, scrollHeight } = list.current!;
    isFollowing.current = scrollTop + clientHeight >= scrollHeight - END_MARGIN_PX;
  };
  return (
    <section className="panel wire" aria-labelledby="wire-title">
      <div className="title-line">
        <h2 id="wire-title">On the wire</h2>
        <button type="button" className="small" onClick={onClear} disabled={recordings.length === 0}>
          Clear
        </button>
      </div>
      <p className="hint">
        Every byte as the server saw it. <span className="legend-up">↑ client to server</span>,{' '}
        <span className="legend-down">↓ server to client</span>. Open a frame to see its bits.
      </p>
      {recordings.length === 0 ? (
        <p className="empty">Nothing yet: connect, and the handshake appears here.</p>
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: it is told of the focus of what it holds, and does nothing itself
        <div
          className="recordings"
          ref={list}
          onScroll={look}
          onFocus={() => {
            isFollowing.current = false;
          }}
        >
          {recordings.map((recording) => (
            <ConnectionRecording key={recording.number} recording={recording} />
          ))}
        </div>
      )}
    </section>
  );
}

const ConnectionRecording = memo(function ConnectionRecording({ recording }: { recording: RecordingView }) {
  const { number, startedAt, request, response, blocks, frameCount, dropped, hasEnded } = recording;
  const titleId = `recording-${number}`;
  return (
    <section className="recording" aria-labelledby={titleId}>
      <h3 id={titleId}>
        Connection {number}
        <span className="detail">
          {startedAt.toLocaleTimeString()}, {plural(frameCount, 'frame')}
          {hasEnded && ', ended'}
        </span>
      </h3>
      <HandshakeView request={request} response={response} />
      {dropped.frames > 0 && (
        <p className="note">
          {plural(dropped.frames, 'older frame')} ({sizeText(dropped.bytes)}) of this connection are not kept any more.
        </p>
      )}
      {blocks.map(({ id, entries }) => (
        <FrameBlock key={id} items={entries}>
          {cardOf}
        </FrameBlock>
      ))}
    </section>
  );
});

function cardOf({ id, direction, atMs, frame, violation }: TimelineEntry) {
  return <FrameCard key={id} frame={frame} direction={direction} atMs={atMs} violation={violation} />;
}

function sizeText(bytes: number): string {
  return bytes < 10_240 ? plural(bytes, 'byte') : `${Math.round(bytes / 1024)} KiB`;
}

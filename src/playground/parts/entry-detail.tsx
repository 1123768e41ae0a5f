/** Everything about the entry of a journal that is looked at. */

import { useMemo } from 'react';
import { plural } from '../../inspector/index.ts';
import type { Detail, MessageDetail } from '../journal/entry.ts';
import type { WorkerClient } from '../worker/worker-client.ts';
import { FrameDetail } from './frame-detail.tsx';
import { HandshakeDetail } from './handshake-detail.tsx';
import { MessageDump } from './message-dump.tsx';

const TITLE_ID = 'detail-title';

/** Where a list leads to. */
export function focusDetail(): void {
  document.getElementById(TITLE_ID)?.focus();
}

interface EntryDetailProps {
  readonly client: WorkerClient;
  readonly detail: Detail | undefined;
  /** While nothing is looked at. */
  readonly hint: string;
}

export function EntryDetail({ client, detail, hint }: EntryDetailProps) {
  const id = detail?.row.id ?? 0;
  const readPayload = useMemo(() => client.payload(id), [client, id]);
  return (
    <section className="panel detail-panel" aria-labelledby={TITLE_ID}>
      <h2 id={TITLE_ID} tabIndex={-1}>
        {detail === undefined ? 'Bit by bit' : titleOf(detail)}
      </h2>
      {detail === undefined && <p className="empty">{hint}</p>}
      {detail?.type === 'note' && <p>{detail.row.preview}</p>}
      {detail?.type === 'head' && <HandshakeDetail head={detail.head} sentKey={detail.sentKey} />}
      {detail?.type === 'message' && <MessageDump key={id} detail={detail} readPayload={readPayload} />}
      {detail?.type === 'frame' && (
        <>
          {detail.message && saysMore(detail.message) && <MessageNote message={detail.message} />}
          <FrameDetail key={id} frame={detail.frame} violation={detail.violation} readPayload={readPayload} />
        </>
      )}
    </section>
  );
}

function titleOf(detail: Detail): string {
  const { kind, what, direction } = detail.row;
  const way = direction === undefined ? '' : direction === 'clientToServer' ? '↑ ' : '↓ ';
  if (detail.type === 'frame') return `${way}Frame ${detail.frame.index + 1}: ${detail.frame.summary}`;
  return `${way}${kind}${what === '' ? '' : `, ${what}`}`;
}

/** Whether a message has more to it than the fields of the frame show. */
function saysMore({ frameCount, isComplete, text = '' }: MessageDetail): boolean {
  return frameCount > 1 || !isComplete || text.length > FIELD_CHARACTERS;
}

/** Of a payload the table of fields shows so much. */
const FIELD_CHARACTERS = 80;

function MessageNote({ message }: { message: MessageDetail }) {
  const { number, isText, frameCount, isComplete, length, text } = message;
  const parts = [`${isText ? 'text' : 'binary'}, ${plural(length, 'byte')} in ${plural(frameCount, 'frame')}`];
  if (!isComplete) parts.push('not finished');
  return (
    <p className="note message-note">
      Message {number}: {parts.join(', ')}
      {text !== undefined && text !== '' && <q>{clip(text)}</q>}
    </p>
  );
}

const SHOWN_CHARACTERS = 2000;

function clip(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}

/** A message of which nobody has seen the frames: what it says, or its bytes, by the page. */

import { useEffect, useState } from 'react';
import { formatHex } from '../../inspector/index.ts';
import type { Detail } from '../journal/entry.ts';
import { Pager } from './pager.tsx';
import { BYTES_PER_PAGE, type ReadPayload } from './payload-dump.tsx';

interface MessageDumpProps {
  readonly detail: Detail & { type: 'message' };
  readonly readPayload: ReadPayload;
}

export function MessageDump({ detail: { length, text }, readPayload }: MessageDumpProps) {
  const [at, setAt] = useState(0);
  const [hex, setHex] = useState('');
  useEffect(() => {
    let isWanted = true;
    void readPayload(at, BYTES_PER_PAGE).then(({ data }) => isWanted && setHex(formatHex(data)));
    return () => {
      isWanted = false;
    };
  }, [at, readPayload]);
  return (
    <>
      {text !== undefined && <pre className="message-text">{text}</pre>}
      <h3>Bytes</h3>
      {length > BYTES_PER_PAGE && (
        <Pager at={at} pageLength={BYTES_PER_PAGE} length={length} unit="byte" onMove={setAt} />
      )}
      <p>
        <code>{hex}</code>
      </p>
    </>
  );
}

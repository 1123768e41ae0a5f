/** Takes bytes apart that were pasted, or that lie in a file. */

import { useEffect, useId, useSyncExternalStore } from 'react';
import { CopyLink } from '../parts/copy-button.tsx';
import { EntryDetail } from '../parts/entry-detail.tsx';
import { FileButton } from '../parts/file-button.tsx';
import { JournalPanel } from '../parts/journal-panel.tsx';
import { LongTextField } from '../parts/long-text-field.tsx';
import { SectionLink } from '../parts/section-link.tsx';
import { usePlaceValue } from '../router.ts';
import type { DecodeState, RoleChoice } from '../worker/messages.ts';
import type { WorkerClient } from '../worker/worker-client.ts';
import { decode, decodeClient, useGiven } from './decoding.ts';
import './decode.css';

const EXAMPLES: readonly { readonly name: string; readonly bytes: string; readonly role?: RoleChoice }[] = [
  { name: 'masked text', bytes: '81 85 37 fa 21 3d 7f 9f 4d 51 58' },
  { name: 'fragments around a ping', bytes: '01 03 48 65 6c 89 02 68 69 80 02 6c 6f' },
  { name: 'close with a reason', bytes: '88 05 03 e8 62 79 65' },
  { name: '256 bytes, cut off', bytes: '82 7e 01 00 de ad be ef' },
  { name: 'unmasked, to a server', bytes: '81 05 48 65 6c 6c 6f', role: 'server' },
  { name: 'bad UTF-8', bytes: '81 03 e2 82 28' },
];

const NOTHING_YET: DecodeState = { phase: 'idle', doneBytes: 0, totalBytes: 0, reading: '', fault: '', notes: [] };

export default function DecodeView() {
  const id = useId();
  const [bytes, setBytes] = useGiven(EXAMPLES[0]!.bytes);
  const [role, setRole] = usePlaceValue('role', 'auto');
  const [deflate, setDeflate] = usePlaceValue('deflate', 'auto');
  const client = decodeClient();
  const state = useSyncExternalStore(client.subscribe, client.state);
  const { decode: progress = NOTHING_YET, view, detail } = state;
  useEffect(() => decode(bytes, role, deflate), [bytes, role, deflate]);
  return (
    <>
      <section className="panel decode" aria-labelledby={`${id}-title`}>
        <h2 id={`${id}-title`}>Bytes</h2>
        <div className="decode-input">
          <div>
            <label htmlFor={`${id}-bytes`}>Bytes, as you have them: hex, a dump, base64, an array, a capture</label>
            <LongTextField
              id={`${id}-bytes`}
              rows={4}
              isMono
              value={bytes}
              describedBy={`${id}-outcome`}
              isInvalid={progress.phase === 'fault'}
              onChange={setBytes}
            />
          </div>
          <div>
            <label htmlFor={`${id}-role`}>Read as</label>
            <select id={`${id}-role`} value={role} onChange={(event) => setRole(event.target.value)}>
              <option value="auto">whoever the MASK bit of the first frame is for</option>
              <option value="server">a server: frames must be masked</option>
              <option value="client">a client: frames must not be masked</option>
            </select>
            <label htmlFor={`${id}-deflate`}>Compression (permessage-deflate)</label>
            <select id={`${id}-deflate`} value={deflate} onChange={(event) => setDeflate(event.target.value)}>
              <option value="auto">as the handshake says</option>
              <option value="on">agreed on</option>
              <option value="off">not agreed on</option>
            </select>
            <div className="line">
              <FileButton label="A file to decode" onFile={setBytes}>
                Open a file …
              </FileButton>
              <CopyLink />
            </div>
          </div>
        </div>
        <fieldset className="examples">
          <legend>Examples</legend>
          {EXAMPLES.map((example) => (
            <button
              key={example.name}
              type="button"
              onClick={() => {
                setBytes(example.bytes);
                setRole(example.role ?? 'auto');
                setDeflate('auto');
              }}
            >
              {example.name}
            </button>
          ))}
        </fieldset>
        <div id={`${id}-outcome`}>
          <Progress client={client} progress={progress} />
        </div>
      </section>
      {view.count > 0 && (
        <>
          <JournalPanel client={client} state={state} title="Frames" follows={false} empty="" />
          <EntryDetail client={client} detail={detail} hint="Choose a frame above: its bytes and bits appear here." />
        </>
      )}
    </>
  );
}

function Progress({ client, progress }: { client: WorkerClient; progress: DecodeState }) {
  const { phase, doneBytes, totalBytes, reading, fault, notes } = progress;
  const isAtWork = phase === 'reading' || phase === 'decoding';
  return (
    <div aria-live="polite" data-testid="findings">
      {fault !== '' && <p className="fault-text">{fault}</p>}
      {isAtWork && (
        <p className="line progress">
          <progress aria-label="Decoded" max={totalBytes || 1} value={phase === 'reading' ? undefined : doneBytes} />
          <button type="button" className="small" onClick={() => client.request({ type: 'stop' })}>
            Stop
          </button>
        </p>
      )}
      {phase === 'stopped' && (
        <p className="hint">
          Stopped at byte {doneBytes.toLocaleString('en')} of {totalBytes.toLocaleString('en')}.
        </p>
      )}
      {reading !== '' && <p className="hint">Read as: {reading}.</p>}
      {notes.map(({ text, section }) => (
        <p key={text} className="note">
          {text} {section !== undefined && <SectionLink section={section} />}
        </p>
      ))}
    </div>
  );
}

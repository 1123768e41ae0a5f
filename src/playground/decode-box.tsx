/** Takes bytes that were pasted as hex or as a hex dump apart, with the inspector. */

import { memo, useDeferredValue, useId, useMemo, useState } from 'react';
import {
  describeReading,
  type FrameView,
  HEX_SYNTAX,
  type InspectionView,
  inspect,
  plural,
  readInput,
} from '../inspector/index.ts';
import { FrameBlock } from './frame-block.tsx';
import { FrameCard } from './frame-card.tsx';
import { HandshakeView } from './handshake-view.tsx';
import { FRAMES_PER_BLOCK } from './recording.ts';
import { SectionLink } from './section-link.tsx';

type RoleChoice = 'auto' | 'server' | 'client';

const EXAMPLES: readonly { name: string; hex: string; role: RoleChoice }[] = [
  { name: 'masked text', hex: '81 85 37 fa 21 3d 7f 9f 4d 51 58', role: 'auto' },
  { name: 'fragments around a ping', hex: '01 03 48 65 6c 89 02 68 69 80 02 6c 6f', role: 'auto' },
  { name: 'close with a reason', hex: '88 05 03 e8 62 79 65', role: 'auto' },
  { name: '256 bytes, cut off', hex: '82 7e 01 00 de ad be ef', role: 'auto' },
  { name: 'unmasked, to a server', hex: '81 05 48 65 6c 6c 6f', role: 'server' },
  { name: 'bad UTF-8', hex: '81 03 e2 82 28', role: 'auto' },
];

export function DecodeBox() {
  const [hex, setHex] = useState(EXAMPLES[0]!.hex);
  const [role, setRole] = useState<RoleChoice>('auto');
  const hintId = useId();
  // Typing goes first, however much there is to decode.
  const given = useDeferredValue(hex);
  const outcome = useMemo(() => decode(given, role), [given, role]);
  return (
    <section className="panel decode" aria-labelledby="decode-title">
      <h2 id="decode-title">Decode</h2>
      <div className="decode-input">
        <div>
          <label htmlFor="hex">Bytes of one direction, in hex</label>
          <textarea
            id="hex"
            className="mono"
            rows={3}
            spellCheck={false}
            value={hex}
            aria-describedby={hintId}
            aria-invalid={outcome.fault !== undefined}
            onChange={(event) => setHex(event.target.value)}
          />
          <p id={hintId} className={outcome.fault === undefined ? 'hint' : 'fault-text'} aria-live="polite">
            {outcome.fault ?? `Accepted: ${HEX_SYNTAX}; or a hex dump with offsets.`}
          </p>
        </div>
        <div>
          <label htmlFor="role">Read as</label>
          <select id="role" value={role} onChange={(event) => setRole(event.target.value as RoleChoice)}>
            <option value="auto">whoever the MASK bit of the first frame is for</option>
            <option value="server">a server: frames must be masked</option>
            <option value="client">a client: frames must not be masked</option>
          </select>
          <fieldset className="examples">
            <legend>Examples</legend>
            {EXAMPLES.map((example) => (
              <button
                key={example.name}
                type="button"
                onClick={() => {
                  setHex(example.hex);
                  setRole(example.role);
                }}
              >
                {example.name}
              </button>
            ))}
          </fieldset>
        </div>
      </div>
      {outcome.view && <Findings view={outcome.view} form={outcome.form} />}
    </section>
  );
}

interface Outcome {
  readonly view?: InspectionView;
  readonly form: string;
  readonly fault?: string;
}

function decode(text: string, role: RoleChoice): Outcome {
  try {
    const { bytes, form } = readInput(text);
    return bytes.length === 0 ? { form } : { form, view: inspect(bytes, { role }) };
  } catch (error) {
    return { form: '', fault: `${(error as Error).message}.` };
  }
}

const Findings = memo(function Findings({ view, form }: { view: InspectionView; form: string }) {
  const { preceding = [], handshake, frames, messages, violation, incomplete, ignored } = view;
  const fragmented = messages.filter((message) => frames[message.frames[0]!]?.fin === false);
  return (
    <div className="findings" data-testid="findings">
      <p className="hint">Read as: {describeReading(view, form)}.</p>
      {preceding.map(({ kind, offset, length, bodyLength, startLine }) => (
        <p key={offset} className="note">
          HTTP {kind} before the handshake, {plural(length + bodyLength, 'byte')}: <code>{startLine}</code>
        </p>
      ))}
      <div className="frames">
        {handshake && (
          <HandshakeView
            request={handshake.kind === 'request' ? handshake : undefined}
            response={handshake.kind === 'response' ? handshake : undefined}
          />
        )}
        {blocksOf(frames).map((block) => (
          <FrameBlock key={block[0]!.index} items={block}>
            {(frame) => (
              <FrameCard
                key={`${frame.index}-${frame.headerHex}`}
                frame={frame}
                violation={violation?.frame === frame.index ? violation : undefined}
                isOpen={frames.length === 1 || violation?.frame === frame.index}
              />
            )}
          </FrameBlock>
        ))}
      </div>
      {handshake?.fault && (
        <p className="note">
          {frames.length > 0 ? 'Handshake at fault' : 'No WebSocket'}: {handshake.fault.message}{' '}
          <SectionLink section={handshake.fault.section} />
        </p>
      )}
      {fragmented.map((message) => (
        <p key={message.index} className="note">
          Message {message.index + 1}: {message.type} in frames {message.frames.map((frame) => frame + 1).join(', ')}
          {message.text !== undefined && `, “${message.text}”`}
          {!message.isComplete && ', not finished'}
        </p>
      ))}
      {incomplete && <p className="note">Incomplete: {incomplete.explanation}.</p>}
      {ignored && (
        <p className="note">
          {plural(ignored.length, 'byte')} from byte {ignored.offset} on not read: {ignored.explanation}{' '}
          <SectionLink section={ignored.section} />
        </p>
      )}
    </div>
  );
});

function blocksOf(frames: readonly FrameView[]): FrameView[][] {
  const count = Math.ceil(frames.length / FRAMES_PER_BLOCK);
  return Array.from({ length: count }, (_, i) => frames.slice(i * FRAMES_PER_BLOCK, (i + 1) * FRAMES_PER_BLOCK));
}

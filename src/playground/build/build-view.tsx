/** Frames made bit by bit, or to break a rule; what a receiver in the page does with them, and what the server does. */

import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { formatHex, inspect, plural } from '../../inspector/index.ts';
import {
  encodeUtf8,
  isControlOpcode,
  opcodeName,
  type Role,
  VIOLATIONS,
  type ViolationId,
} from '../../protocol/index.ts';
import { ActionButton } from '../lab/action-button.tsx';
import { Chip, Chips } from '../lab/chips.tsx';
import { describeFrames, Lines, Outcome } from '../lab/outcome.tsx';
import { RawLine } from '../lab/raw-line.ts';
import { receive } from '../lab/receiver.ts';
import { FrameDetail } from '../parts/frame-detail.tsx';
import { SectionLink } from '../parts/section-link.tsx';
import { linkTo, usePlaceValue } from '../router.ts';
import { type Breakage, breakagesFor, framesOf } from './breakages.ts';
import { FrameForm } from './frame-form.tsx';
import { encodeSpec, encodeSpecs, type FrameSpec, formatSpecs, parseSpecs, split, TEXT_FRAME } from './frame-spec.ts';
import '../lab/lab.css';

const START = formatSpecs([
  { ...TEXT_FRAME, maskingKey: Uint8Array.of(0x37, 0xfa, 0x21, 0x3d), payload: encodeUtf8('Hello') },
]);
const MAX_FRAMES = 32;

export default function BuildView() {
  const [text, setText] = usePlaceValue('frames', START);
  const [to, setTo] = usePlaceValue('to', 'server');
  const [breaks, setBreaks] = usePlaceValue('break', '');
  const [selected, setSelected] = useState(0);
  const role: Role = to === 'client' ? 'client' : 'server';
  const specs = useMemo(() => readSpecs(text), [text]);
  const index = Math.min(selected, specs.length - 1);
  const breakage = breakagesFor(role).find(({ id }) => id === breaks);
  const bytes = useMemo(() => encodeSpecs(specs), [specs]);
  const receiver = useMemo(
    () => receive(bytes, { role, echoes: role === 'server', ...breakage?.receiver }),
    [bytes, role, breakage],
  );

  const setSpecs = (next: readonly FrameSpec[]) => setText(formatSpecs(next));
  const replace = (...frames: FrameSpec[]) =>
    setSpecs([...specs.slice(0, index), ...frames, ...specs.slice(index + 1)]);
  const choose = (chosen: Breakage) => {
    setSpecs(framesOf(chosen, role, randomKey()));
    setBreaks(chosen.id);
    setSelected(0);
  };
  const sendTo = (next: Role) => {
    setTo(next);
    setBreaks('');
    // Whoever reads now, the frames are as its peer sends them.
    const fitting = breakage && breakagesFor(next).find(({ id }) => id === breakage.id);
    if (fitting !== undefined) {
      setSpecs(framesOf(fitting, next, randomKey()));
      setBreaks(fitting.id);
    } else {
      setSpecs(specs.map((spec) => ({ ...spec, maskingKey: next === 'server' ? randomKey() : undefined })));
    }
  };
  return (
    <div className="lab">
      <section className="panel" aria-labelledby="break-title">
        <h2 id="break-title">Break a rule</h2>
        <div className="choice" role="radiogroup" aria-label="Who reads the frames">
          {(['server', 'client'] as const).map((who) => (
            <label key={who}>
              <input type="radio" name="to" checked={role === who} onChange={() => sendTo(who)} /> a {who} reads
            </label>
          ))}
        </div>
        <p className="hint">Each of these is a row of the table of violations. Or build a frame of your own below.</p>
        <Chips label="Rules to break">
          {breakagesFor(role).map((item) => (
            <Chip key={item.id} isChosen={item.id === breaks} onChoose={() => choose(item)}>
              {item.title} <span className="chip-code">{VIOLATIONS[item.id].closeCode}</span>
            </Chip>
          ))}
        </Chips>
        {breakage?.needs && (
          <p className="note">
            {breakage.needs}{' '}
            <button type="button" className="small" onClick={() => setBreaks('')}>
              Let an ordinary {role} read it
            </button>
          </p>
        )}
      </section>

      <div className="lab-columns">
        <section className="panel" aria-labelledby="frame-title">
          <h2 id="frame-title">The frames</h2>
          <Chips label="Frames">
            {specs.map((spec, i) => (
              <Chip
                // biome-ignore lint/suspicious/noArrayIndexKey: a frame is known by its place
                key={i}
                isChosen={i === index}
                onChoose={() => setSelected(i)}
              >
                {i + 1} {opcodeName(spec.opcode)}
                {!spec.fin && ' …'}
              </Chip>
            ))}
          </Chips>
          <FrameForm key={index} spec={specs[index]!} newKey={randomKey} onChange={(spec) => replace(spec)} />
          <div className="chips">
            <ActionButton
              className="small"
              isPossible={specs.length < MAX_FRAMES}
              onAct={() => {
                setSpecs([...specs, freshFrame(role)]);
                setSelected(specs.length);
              }}
            >
              Add a frame
            </ActionButton>
            {[2, 3].map((count) => (
              <ActionButton
                key={count}
                className="small"
                isPossible={!isControlOpcode(specs[index]!.opcode) && specs.length + count <= MAX_FRAMES}
                onAct={() => replace(...split(specs[index]!, count))}
              >
                Split in {count} fragments
              </ActionButton>
            ))}
            <ActionButton className="small" isPossible={specs.length > 1} onAct={() => replace()}>
              Remove this frame
            </ActionButton>
          </div>
        </section>

        <section className="panel" aria-labelledby="outcome-title">
          <h2 id="outcome-title">What a {role} does</h2>
          <p className="hint">The parser of the server runs in this page, and has read the bytes.</p>
          <Outcome receiver={receiver} />
          <RawPanel
            bytes={bytes}
            isForServer={role === 'server'}
            receiver={breakage?.receiver && breakage.id}
            expected={receiver.violation?.id}
          />
        </section>
      </div>

      <section className="panel" aria-labelledby="bytes-title">
        <h2 id="bytes-title">The bytes</h2>
        <p>
          <code data-testid="built-bytes">{formatHex(bytes.subarray(0, 512))}</code>
          {bytes.length > 512 && ' …'} <span className="hint">{plural(bytes.length, 'byte')}</span>
        </p>
        <p>
          <a href={linkTo('cut', { bytes: formatHex(bytes), role })}>Cut these bytes, and step through them</a>
        </p>
        <BuiltFrame specs={specs} index={index} role={role} />
      </section>
    </div>
  );
}

/** At least one frame, whatever an address says. */
function readSpecs(text: string): FrameSpec[] {
  const specs = parseSpecs(text);
  return specs.length === 0 ? parseSpecs(START) : specs;
}

function freshFrame(role: Role): FrameSpec {
  return { ...TEXT_FRAME, maskingKey: role === 'server' ? randomKey() : undefined, payload: encodeUtf8('Hello') };
}

/** §5.3: not to be foreseen, and new for each frame. */
function randomKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(4));
}

/** The chosen frame where it stands, if its receiver comes so far; else by itself. */
function BuiltFrame({ specs, index, role }: { specs: readonly FrameSpec[]; index: number; role: Role }) {
  const options = { role, maxPayloadBytes: 256 };
  const offset = encodeSpecs(specs.slice(0, index)).length;
  const inPlace = inspect(encodeSpecs(specs.slice(0, index + 1)), options);
  const alone = inspect(encodeSpec(specs[index]!), options);
  const view = inPlace.frames.some((frame) => frame.offset === offset) ? inPlace : alone;
  const frame = view.frames.at(-1)!;
  const { violation } = view;
  return (
    <FrameDetail
      key={`${index} ${frame.payload.presentLength}`}
      frame={frame}
      violation={violation?.frame === frame.index ? violation : undefined}
    />
  );
}

interface RawPanelProps {
  readonly bytes: Uint8Array;
  readonly isForServer: boolean;
  /** The rule that the receiver is there for; undefined for an ordinary one. */
  readonly receiver: ViolationId | undefined;
  /** What the page's receiver failed for. */
  readonly expected: ViolationId | undefined;
}

function RawPanel({ bytes, isForServer, receiver, expected }: RawPanelProps) {
  const [line] = useState(() => new RawLine());
  const { phase, received, end } = useSyncExternalStore(line.subscribe, line.state);
  useEffect(() => () => line.hangUp(), [line]);
  return (
    <div className="raw-line">
      <h3>Over the network</h3>
      <div className="chips">
        <ActionButton className="primary" isPossible={isForServer} onAct={() => line.send(bytes, receiver)}>
          Send raw to the server
        </ActionButton>
        <ActionButton isPossible={phase === 'open'} onAct={() => line.hangUp()}>
          Drop TCP
        </ActionButton>
      </div>
      {!isForServer && (
        <p className="hint">These are frames of a server. The echo server is one, and takes frames of a client.</p>
      )}
      {phase !== 'idle' && (
        <div role="status">
          <p>{phase === 'closed' ? `Ended: ${end}.` : phase === 'open' ? 'The connection is open.' : 'Connecting …'}</p>
          <h4>The server has answered</h4>
          <Lines lines={describeFrames(received, 'client')} none={phase === 'open' ? 'nothing so far' : 'nothing'} />
        </div>
      )}
      {isForServer && expected !== undefined && (
        <p className="hint">
          Close {VIOLATIONS[expected].closeCode} should come back
          {receiver === undefined ? '' : ': the echo server has a receiver like this one. Others may take it'}.{' '}
          <SectionLink section="§7.1.7" />
        </p>
      )}
    </div>
  );
}

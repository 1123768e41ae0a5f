/** Byte by byte: what the parser of production holds in between, and what it has told so far. */

import { type ReactNode, useMemo } from 'react';
import { formatHex, plural } from '../../inspector/index.ts';
import { opcodeName } from '../../protocol/index.ts';
import { ActionButton } from '../lab/action-button.tsx';
import { ByteStrip } from '../lab/byte-strip.tsx';
import { describeEvent } from '../lab/describe.ts';
import { Lines, RuleBroken } from '../lab/outcome.tsx';
import type { Held, HeldFrame, HeldMessage } from '../lab/peek.ts';
import type { ReceiverOptions } from '../lab/receiver.ts';
import { usePlaceValue } from '../router.ts';
import { stepTo } from './steps.ts';

interface StepPanelProps {
  readonly bytes: Uint8Array;
  readonly options: ReceiverOptions;
}

export function StepPanel({ bytes, options }: StepPanelProps) {
  const [at, setAt] = usePlaceValue('step', '0');
  const count = Math.min(Math.max(0, Number(at) || 0), bytes.length);
  const { receiver, held } = useMemo(() => stepTo(bytes, count, options), [bytes, count, options]);
  const go = (next: number) => setAt(String(next));
  return (
    <section className="panel" aria-labelledby="step-title">
      <h2 id="step-title">Byte by byte</h2>
      <ByteStrip bytes={bytes} role={options.role} hasDeflate={options.hasDeflate} mark={count} isProgress />
      <label htmlFor="step-at">
        {count} of {plural(bytes.length, 'byte')} read
      </label>
      <input
        id="step-at"
        type="range"
        min={0}
        max={bytes.length}
        value={count}
        aria-valuetext={`${count} of ${bytes.length}. ${sayHeld(held)}`}
        onChange={(event) => setAt(event.target.value)}
      />
      <div className="chips">
        <ActionButton className="small" isPossible={count > 0} onAct={() => go(0)}>
          To the start
        </ActionButton>
        <ActionButton className="small" isPossible={count > 0} onAct={() => go(count - 1)}>
          One byte back
        </ActionButton>
        <ActionButton className="small" isPossible={count < bytes.length} onAct={() => go(count + 1)}>
          Read a byte
        </ActionButton>
      </div>
      <div className="halves">
        <div>
          <h3>What the parser holds</h3>
          <p role="status" className="note">
            {sayHeld(held)}
          </p>
          <HeldTable held={held} window={options.hasDeflate ? receiver.window : undefined} />
        </div>
        <div>
          <h3>What it has told so far</h3>
          <Lines lines={receiver.events.map(describeEvent)} none="nothing yet" />
          {receiver.violation && <RuleBroken violation={receiver.violation} />}
        </div>
      </div>
    </section>
  );
}

/** In one sentence. */
function sayHeld({ isStopped, headerBytes, headerLength, frame, message }: Held): string {
  if (isStopped) return 'Nothing is read any more.';
  if (headerBytes.length > 0) {
    const known = headerBytes.length < 2 ? 'at least ' : '';
    return `Inside a header: ${headerBytes.length} of ${known}${plural(headerLength, 'byte')}.`;
  }
  if (frame)
    return `Inside the payload of a ${opcodeName(frame.opcode)} frame: ${frame.position} of ${plural(frame.payloadLength, 'byte')}.`;
  return message ? 'Between two frames of a message.' : 'Between two messages.';
}

function HeldTable({ held, window }: { held: Held; window: Uint8Array | undefined }) {
  const { headerBytes, frame, message, controlPayload } = held;
  const rows: [name: string, value: ReactNode][] = [
    ['header so far', <Bytes key="header" bytes={headerBytes} />],
    ['frame', frame ? sayFrame(frame) : '–'],
    ['mask position', frame?.maskingKey ? <MaskPosition key="mask" frame={frame} /> : '–'],
    ['control payload', <Bytes key="control" bytes={controlPayload} />],
    ['message so far', message ? <Message key="message" message={message} /> : '–'],
    ['UTF-8', message?.utf8 ? sayUtf8(message.utf8) : '–'],
  ];
  if (window !== undefined)
    rows.push(['window kept', window.length === 0 ? '–' : `${plural(window.length, 'byte')}: “${shown(window)}”`]);
  return (
    <table className="parser-state">
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Bytes({ bytes }: { bytes: Uint8Array }) {
  return bytes.length === 0 ? '–' : <code>{formatHex(bytes.slice(-64))}</code>;
}

function MaskPosition({ frame: { maskingKey, position } }: { frame: HeldFrame }) {
  return (
    <>
      byte {position & 3} of the key{' '}
      <code>
        {[...maskingKey!].map((byte, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a byte of the key is known by its place
          <span key={i} className={i === (position & 3) ? 'next-key' : undefined}>
            {formatHex(Uint8Array.of(byte))}{' '}
          </span>
        ))}
      </code>
      masks the next
    </>
  );
}

function Message({ message: { isBinary, isCompressed, bytes } }: { message: HeldMessage }) {
  const kind = `${isBinary ? 'binary' : 'text'}${isCompressed ? ', compressed' : ''}, ${plural(bytes.length, 'byte')}`;
  if (bytes.length === 0) return kind;
  return (
    <>
      {kind}: {isBinary || isCompressed ? <code>{formatHex(bytes.slice(-64))}</code> : `“${shown(bytes)}”`}
    </>
  );
}

function sayFrame({ opcode, fin, payloadLength, position }: HeldFrame): string {
  return `${opcodeName(opcode)}, ${fin ? 'the last of its message' : 'more follow'}, ${position} of ${plural(payloadLength, 'byte')}`;
}

function sayUtf8({ pending, lower, upper }: NonNullable<HeldMessage['utf8']>): string {
  if (pending === 0) return 'between two characters';
  return `inside a character: ${plural(pending, 'byte')} to come, the next from ${hex(lower)} to ${hex(upper)}`;
}

function hex(byte: number): string {
  return formatHex(Uint8Array.of(byte));
}

/** The end of it, as text; what is no text shows as a mark. */
function shown(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice(-64));
}

/** Compressed messages, symbol by symbol: what each adds, where a copy comes from, and what is kept for the next message. */

import { useMemo } from 'react';
import { plural } from '../../inspector/index.ts';
import type { DeflateStep } from '../../inspector/message-inflater.ts';
import type { Role } from '../../protocol/index.ts';
import { ActionButton } from '../lab/action-button.tsx';
import { Chip, Chips } from '../lab/chips.tsx';
import { SectionLink } from '../parts/section-link.tsx';
import { usePlaceValue } from '../router.ts';
import { type CompressedMessage, traceMessages } from './compressed.ts';

interface CompressedPanelProps {
  readonly bytes: Uint8Array;
  readonly role: Role;
  readonly takesOver: boolean;
}

/** So much of the window is drawn. */
const SHOWN_BYTES = 160;

export function CompressedPanel({ bytes, role, takesOver }: CompressedPanelProps) {
  const messages = useMemo(() => traceMessages(bytes, role, takesOver), [bytes, role, takesOver]);
  const [which, setWhich] = usePlaceValue('message', '0');
  const [at, setAt] = usePlaceValue('symbol', '0');
  const index = Math.min(Number(which) || 0, messages.length - 1);
  const message = messages[index];
  if (message === undefined) {
    return (
      <section className="panel" aria-labelledby="window-title">
        <h2 id="window-title">The window</h2>
        <p className="hint">
          No compressed message is complete: RSV1 of its first frame says that a message is compressed.
        </p>
      </section>
    );
  }
  const count = Math.min(Math.max(0, Number(at) || 0), message.steps.length);
  return (
    <section className="panel" aria-labelledby="window-title">
      <h2 id="window-title">The window</h2>
      <p className="hint">
        DEFLATE reads literals, and copies of what stands up to 32 KiB back. With context take-over a copy may reach
        into earlier messages. <SectionLink section="RFC 7692 §7.2.3" />
      </p>
      <Chips label="Compressed messages">
        {messages.map((one, i) => (
          <Chip
            // biome-ignore lint/suspicious/noArrayIndexKey: a message is known by its place
            key={i}
            isChosen={i === index}
            onChoose={() => {
              setWhich(String(i));
              setAt('0');
            }}
          >
            Message {i + 1}: {one.compressedLength} → {plural(one.output.length, 'byte')}
          </Chip>
        ))}
      </Chips>
      <label htmlFor="symbol-at">
        {count} of {plural(message.steps.length, 'symbol')} read
      </label>
      <input
        id="symbol-at"
        type="range"
        min={0}
        max={message.steps.length}
        value={count}
        aria-valuetext={`${count} of ${message.steps.length}${count > 0 ? `: ${sayStep(message.steps[count - 1]!)}` : ''}`}
        onChange={(event) => setAt(event.target.value)}
      />
      <div className="chips">
        <ActionButton className="small" isPossible={count > 0} onAct={() => setAt(String(count - 1))}>
          One symbol back
        </ActionButton>
        <ActionButton
          className="small"
          isPossible={count < message.steps.length}
          onAct={() => setAt(String(count + 1))}
        >
          Read a symbol
        </ActionButton>
      </div>
      <p role="status" className="note">
        {count === 0 ? 'Nothing of the message has been read.' : sayStep(message.steps[count - 1]!)}
        {count === message.steps.length && message.fault && ` Then it goes wrong: ${message.fault}.`}
      </p>
      <Window message={message} count={count} />
      <p className="hint">
        {takesOver
          ? `For the next message ${plural(Math.min(32_768, message.window.length + message.output.length), 'byte')} are kept.`
          : 'Nothing is kept for the next message: there is no context take-over.'}
      </p>
    </section>
  );
}

function sayStep(step: DeflateStep): string {
  const bits = plural(step.bitLength, 'bit');
  switch (step.kind) {
    case 'block':
      return `A ${step.coding} block begins (${bits}${step.isLast ? ', the last one' : ''}).`;
    case 'literal':
      return `The literal ${character(step.byte)} (${bits}).`;
    case 'copy':
      return `A copy of ${plural(step.length, 'byte')} from ${step.distance} back (${bits}).`;
    case 'end':
      return `The block ends (${bits}).`;
  }
}

/** Earlier messages, then what has come out so far; what the last copy took, and what it made. */
function Window({ message: { window, output, steps }, count }: { message: CompressedMessage; count: number }) {
  const step = steps[count - 1];
  const next = steps[count];
  const made = window.length + (next?.at ?? output.length);
  const all = [...window, ...output.subarray(0, made - window.length)];
  const begin = window.length + (step?.at ?? 0);
  const source = step?.kind === 'copy' ? begin - step.distance : -1;
  const sourceEnd = step?.kind === 'copy' ? Math.min(source + step.length, begin) : -1;
  const from = Math.max(0, Math.min(made - SHOWN_BYTES, source === -1 ? made : source));
  return (
    <div
      className="window"
      role="img"
      aria-label={`Window: ${plural(window.length, 'byte')} of earlier messages, then ${JSON.stringify(text(all.slice(window.length)))}`}
    >
      {from > 0 && '… '}
      {all.slice(from, from + SHOWN_BYTES).map((byte, i) => {
        const at = from + i;
        const kinds = [
          'window-byte',
          at < window.length && 'window-earlier',
          step !== undefined && at >= begin && 'window-new',
          at >= source && at < sourceEnd && 'window-source',
        ];
        return (
          <span key={at} className={kinds.filter(Boolean).join(' ')}>
            {character(byte)}
          </span>
        );
      })}
      {all.length === 0 && <span className="hint">empty</span>}
    </div>
  );
}

function text(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

function character(byte: number): string {
  if (byte === 0x20) return '␣';
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : byte.toString(16).padStart(2, '0');
}

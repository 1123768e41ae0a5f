/** What a receiver made of bytes: what it was told, what it answered, and which rule was broken. */

import { inspect, plural } from '../../inspector/index.ts';
import { closeCodeName, type Role, VIOLATIONS, violationMessage } from '../../protocol/index.ts';
import { SectionLink } from '../parts/section-link.tsx';
import { describeEvent } from './describe.ts';
import type { Receiver, ReceiverEvent } from './receiver.ts';

const OTHER: Readonly<Record<Role, Role>> = { client: 'server', server: 'client' };

export function Outcome({ receiver }: { receiver: Receiver }) {
  const { events, sent, violation, hasEnded, connection } = receiver;
  return (
    <div className="outcome">
      <p role="status" className="note">
        {sayOutcome(receiver)}
      </p>
      {violation && <RuleBroken violation={violation} />}
      <dl>
        <dt>The program hears</dt>
        <dd>
          <Lines lines={events.filter(({ kind }) => kind !== 'failed').map(describeEvent)} none="nothing" />
        </dd>
        <dt>The {connection.role} answers</dt>
        <dd>
          <Lines
            lines={[
              ...sent.flatMap((frame) => describeFrames(frame, OTHER[connection.role])),
              ...(hasEnded ? ['TCP ends'] : []),
            ]}
            none="nothing"
          />
        </dd>
      </dl>
    </div>
  );
}

function sayOutcome({ violation, events, connection: { role } }: Receiver): string {
  if (violation !== undefined)
    return `The ${role} fails the connection with Close ${VIOLATIONS[violation.id].closeCode}.`;
  if (events.length === 0) return `Nothing is wrong so far: the ${role} waits for more bytes.`;
  return `Nothing is wrong: the program of the ${role} hears ${plural(events.length, 'thing')}.`;
}

/** Each frame in a line. `reader` is who gets them. */
export function describeFrames(bytes: Uint8Array, reader: Role): string[] {
  return inspect(bytes, { role: reader }).frames.map(({ summary, payload, fields, opcodeName }) => {
    if (opcodeName === 'close') {
      const code = fields.find(({ id }) => id === 'statusCode')?.value;
      const name = code === undefined ? 'without a code' : `${code} (${closeCodeName(Number(code))})`;
      return `Close ${name}${payload.text ? `, “${payload.text}”` : ''}`;
    }
    const content = payload.text === undefined ? payload.unmaskedHex : `“${payload.text}”`;
    return payload.presentLength === 0 ? summary : `${summary}: ${clip(content)}`;
  });
}

function clip(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

export function Lines({ lines, none }: { lines: readonly string[]; none: string }) {
  if (lines.length === 0) return <span className="hint">{none}</span>;
  return (
    <ol className="lines">
      {lines.map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are in order, and only grow
        <li key={i}>{line}</li>
      ))}
    </ol>
  );
}

/** The clause, the Close code and the remedy of a row of the violation table. */
export function RuleBroken({ violation: { id, detail } }: { violation: NonNullable<ReceiverEvent['violation']> }) {
  const { closeCode, section, remedy, code } = VIOLATIONS[id];
  return (
    <div className="violation" role="note">
      <p>
        <strong>{violationMessage(id, detail)}</strong> <SectionLink section={section} />
      </p>
      <p>
        The connection fails with Close {closeCode} ({closeCodeName(closeCode)}); Error.code is <code>{code}</code>.
      </p>
      <p>To put it right, {remedy}.</p>
    </div>
  );
}

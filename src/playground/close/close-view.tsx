/** Both ends of a connection, driven by hand, and the states that they go through. */

import { useMemo } from 'react';
import { plural } from '../../inspector/index.ts';
import { closeCodeName, type Role } from '../../protocol/index.ts';
import { ActionButton } from '../lab/action-button.tsx';
import { Chip, Chips } from '../lab/chips.tsx';
import { Lines } from '../lab/outcome.tsx';
import { SectionLink } from '../parts/section-link.tsx';
import { usePlaceValue } from '../router.ts';
import { StateDiagram } from './state-diagram.tsx';
import {
  type Action,
  type EndsView,
  type EndView,
  formatStory,
  isPossible,
  parseStory,
  play,
  SCENARIOS,
  type Step,
} from './two-ends.ts';
import '../lab/lab.css';

const ROLES: readonly Role[] = ['client', 'server'];
const OTHER: Readonly<Record<Role, Role>> = { client: 'server', server: 'client' };

interface Button {
  readonly label: string;
  readonly action: Action;
  readonly code?: number;
}

/** What each end can do by itself. */
const BUTTONS: readonly Button[] = [
  { label: 'Send Close 1000', action: 'close', code: 1000 },
  { label: 'Send Close without a code', action: 'closeEmpty' },
  { label: 'Send a text', action: 'text' },
  { label: 'Send text that is no UTF-8', action: 'badText' },
  { label: 'Throw at the next message', action: 'throws' },
  { label: 'Never answer: read no more', action: 'stick' },
  { label: 'Read again', action: 'read' },
  { label: 'Drop TCP', action: 'drop' },
];

export default function CloseView() {
  const [text, setText] = usePlaceValue('story', '');
  const story = useMemo(() => parseStory(text), [text]);
  const ends = useMemo(() => play(story), [story]);
  const scenario = SCENARIOS.find((candidate) => candidate.story === text);
  const act = (...steps: Step[]) => setText(formatStory([...story, ...steps]));
  const isOver = ROLES.every((role) => ends[role].state === 'closed');
  return (
    <div className="lab">
      <section className="panel" aria-labelledby="story-title">
        <h2 id="story-title">How codes come about</h2>
        <Chips label="Stories">
          {SCENARIOS.map(({ title, story: own }) => (
            <Chip key={title} isChosen={own === text} onChoose={() => setText(own)}>
              {title}
            </Chip>
          ))}
        </Chips>
        <p role="status" className="note">
          {scenario ? (
            <>
              {scenario.explanation} <SectionLink section={scenario.section} />
            </>
          ) : (
            sayWhere(ends, isOver)
          )}
        </p>
        <div className="chips">
          <ActionButton
            isPossible={ROLES.every((role) => ends[role].state === 'open')}
            onAct={() =>
              act({ end: 'client', action: 'close', code: 1000 }, { end: 'server', action: 'close', code: 1001 })
            }
          >
            Both close at once
          </ActionButton>
          <ActionButton isPossible={nextGift(ends) !== undefined} onAct={() => act(...deliverAll(story))}>
            Deliver all that is on the way
          </ActionButton>
          <ActionButton isPossible={story.length > 0} onAct={() => setText(formatStory(story.slice(0, -1)))}>
            Take the last step back
          </ActionButton>
          <ActionButton isPossible={story.length > 0} onAct={() => setText('')}>
            Start again
          </ActionButton>
        </div>
      </section>
      <div className="ends">
        {ROLES.map((role) => (
          <EndPanel key={role} end={ends[role]} ends={ends} peerWire={ends[OTHER[role]].wire.length} onAct={act} />
        ))}
      </div>
      <StateDiagram ends={ends} />
    </div>
  );
}

function sayWhere(ends: EndsView, isOver: boolean): string {
  if (isOver) {
    return `Both ends are closed. The client is told ${codeText(ends.client)}, the server ${codeText(ends.server)}.`;
  }
  const waiting = ROLES.map((role) => ends[role].wire.length).reduce((sum, count) => sum + count, 0);
  return waiting > 0
    ? `${plural(waiting, 'thing')} on the way. What is sent lies on its wire until you deliver it.`
    : 'Nothing is on the way. Use the buttons of an end, or one of the stories.';
}

function codeText({ closeCode }: EndView): string {
  return closeCode === undefined ? '' : `${closeCode} (${closeCodeName(closeCode)})`;
}

/** Who can read something now. */
function nextGift(ends: EndsView): Step | undefined {
  return ROLES.map((end): Step => ({ end, action: 'give' })).find((step) => isPossible(ends, step));
}

/** Deliveries until nothing is on the way that can be read. */
function deliverAll(story: readonly Step[]): Step[] {
  const added: Step[] = [];
  for (;;) {
    const step = nextGift(play([...story, ...added]));
    if (step === undefined) return added;
    added.push(step);
  }
}

interface EndPanelProps {
  readonly end: EndView;
  readonly ends: EndsView;
  /** How much is on the way to this end. */
  readonly peerWire: number;
  readonly onAct: (...steps: Step[]) => void;
}

function EndPanel({ end, ends, peerWire, onAct }: EndPanelProps) {
  const { role, state, wire, log, closeCode, isStuck } = end;
  const titleId = `${role}-title`;
  return (
    <section className={`panel end end-${role}`} aria-labelledby={titleId}>
      <h2 id={titleId}>
        The {role} <code className="state-name">{state}</code>
      </h2>
      {closeCode !== undefined && (
        <p className="told">
          Its program is told <strong>{codeText(end)}</strong>
        </p>
      )}
      {isStuck && <p className="hint">It does not read.</p>}
      <Chips label={`What the ${role} does`}>
        <ActionButton
          className="small primary"
          isPossible={isPossible(ends, { end: role, action: 'give' })}
          onAct={() => onAct({ end: role, action: 'give' })}
        >
          Read what is next{peerWire > 0 && ` (${peerWire})`}
        </ActionButton>
        {BUTTONS.map(({ label, action, code }) => (
          <ActionButton
            key={label}
            className="small"
            isPossible={isPossible(ends, { end: role, action })}
            onAct={() => onAct({ end: role, action, ...(code !== undefined && { code }) })}
          >
            {label}
          </ActionButton>
        ))}
      </Chips>
      <h3>On the way to the {OTHER[role]}</h3>
      <Lines lines={wire.map(({ label }) => label)} none="nothing" />
      <h3>What happened here</h3>
      <Lines lines={log} none="nothing so far" />
    </section>
  );
}

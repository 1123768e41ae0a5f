/** What stands in a room. Text of users is text, and never HTML. */

import type { Waiting } from './outbox.ts';
import { Avatar, ClockIcon } from './pictures.tsx';
import type { Session } from './session.ts';
import type { Entry, Said } from './timeline.ts';

const timeOf = (at: number) => new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });

interface MessageProps {
  readonly data: Said;
  /** The same user goes on: his name need not be said again. */
  readonly goesOn: boolean;
}

export function Message({ data: { by, name, text, at }, goesOn }: MessageProps) {
  return (
    <article className="message" data-goes-on={goesOn}>
      {goesOn ? (
        <time className="aside" dateTime={new Date(at).toISOString()}>
          {timeOf(at)}
        </time>
      ) : (
        <>
          <Avatar user={by} name={name} />
          <p className="by">
            <b>{name}</b> <time dateTime={new Date(at).toISOString()}>{timeOf(at)}</time>
          </p>
        </>
      )}
      <p className="text">
        <Text text={text} />
      </p>
    </article>
  );
}

interface WaitingProps extends Pick<MessageProps, 'goesOn'> {
  readonly one: Waiting;
  readonly me: Session;
  readonly isOpen: boolean;
  readonly onTryAgain: () => void;
  readonly onDiscard: () => void;
}

export function WaitingMessage({
  one: { text, error, delay },
  goesOn,
  me,
  isOpen,
  onTryAgain,
  onDiscard,
}: WaitingProps) {
  return (
    <article className="message waiting" data-goes-on={goesOn}>
      {!goesOn && (
        <>
          <Avatar user={me.id} name={me.name} />
          <p className="by">
            <b>{me.name}</b>
          </p>
        </>
      )}
      <p className="text">
        <Text text={text} />
      </p>
      {error === undefined ? (
        <p className="note">
          <ClockIcon />{' '}
          {delay !== undefined
            ? `Waiting: ${delay}`
            : isOpen
              ? 'Sending'
              : 'Waiting: sent as soon as there is a connection'}
        </p>
      ) : (
        <p className="note fault" role="alert">
          Not sent: {error}{' '}
          <button type="button" onClick={onTryAgain}>
            Try again
          </button>{' '}
          <button type="button" onClick={onDiscard}>
            Discard
          </button>
        </p>
      )}
    </article>
  );
}

export function MovedLine({ entry: { came, went } }: { readonly entry: Entry & { readonly kind: 'moved' } }) {
  const words = [came.length > 0 && `${list(came)} came in`, went.length > 0 && `${list(went)} left`];
  return <p className="line">{words.filter(Boolean).join(', ')}</p>;
}

function list(names: readonly string[]): string {
  if (names.length > 3) return `${names.slice(0, 2).join(', ')} and ${names.length - 2} others`;
  return [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
}

/** An address in a text, without the punctuation behind it. */
const LINK = /(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]}'])/;

function Text({ text }: { readonly text: string }) {
  return text.split(LINK).map((part, i) =>
    i % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text stay where they are
      <a key={i} href={part} target="_blank" rel="noopener noreferrer">
        {part}
      </a>
    ) : (
      part
    ),
  );
}

/** Who is in the room. Several tabs are one person. */

import type { Member } from '../../../live/index.ts';
import { Avatar } from './pictures.tsx';

interface PeopleProps {
  readonly members: readonly Member<{ readonly name: string }>[];
  readonly me: string;
  readonly onClose: () => void;
}

export function People({ members, me, onClose }: PeopleProps) {
  const sorted = members.toSorted((one, other) => one.data.name.localeCompare(other.data.name));
  return (
    <aside className="people" aria-label="Who is here">
      <header>
        <h3>Here now</h3>
        <button type="button" className="quiet" onClick={onClose}>
          Close
        </button>
      </header>
      <ul>
        {sorted.map(({ user, data, connections }) => (
          <li key={user}>
            <Avatar user={user} name={data.name} />
            <span>
              {data.name}
              {user === me && <small> you</small>}
              {connections > 1 && <small> in {connections} windows</small>}
            </span>
          </li>
        ))}
      </ul>
    </aside>
  );
}

/** How a room is made. */

import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { Live, RealtimeError } from '../../../live/index.ts';
import type { chat } from '../protocol.ts';
import { pathOf } from './place.ts';

interface NewRoomProps {
  readonly live: Live<typeof chat>;
  readonly onClose: () => void;
}

export function NewRoom({ live, onClose }: NewRoomProps) {
  const [name, setName] = useState('');
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const topic = String(new FormData(event.currentTarget).get('topic'));
    setBusy(true);
    setError('');
    try {
      await live.call.makeRoom({ room: name, topic });
      location.hash = pathOf(name);
      dialog.current?.close();
    } catch (error) {
      const { issues, message } = error as RealtimeError;
      setError(issues?.[0]?.message ?? message);
      setBusy(false);
    }
  }

  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="new-room">
      <form onSubmit={submit}>
        <h2 id="new-room">A new room</h2>
        <label>
          Name
          {/* Small letters, digits and hyphens: what is written comes to that. */}
          <input
            required
            maxLength={30}
            autoComplete="off"
            autoCapitalize="none"
            value={name}
            onChange={({ target }) => setName(target.value.toLowerCase().replace(/[^\p{L}\p{M}\p{N}]+/gu, '-'))}
          />
        </label>
        <label>
          What it is about
          <input name="topic" maxLength={100} autoComplete="off" />
        </label>
        <p className="fault" role="alert">
          {error}
        </p>
        <footer>
          <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className="primary" disabled={isBusy}>
            Make it
          </button>
        </footer>
      </form>
    </dialog>
  );
}

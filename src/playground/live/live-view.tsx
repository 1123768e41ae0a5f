/** A live connection: what to send on one side, what passes on the wire on the other, and below it one frame bit by bit. */

import { useEffect, useRef, useSyncExternalStore } from 'react';
import { EntryDetail } from '../parts/entry-detail.tsx';
import { FileButton } from '../parts/file-button.tsx';
import { JournalPanel } from '../parts/journal-panel.tsx';
import type { LiveState, Phase } from '../worker/messages.ts';
import { ConnectionPanel } from './connection-panel.tsx';
import { Conversation } from './conversation.tsx';
import { liveClient } from './live.ts';
import { SendPanel } from './send-panel.tsx';
import './live.css';

const NOTHING_YET: LiveState = { phase: 'idle', log: [], desk: undefined, sees: undefined, url: '' };

export default function LiveView() {
  const client = liveClient();
  const state = useSyncExternalStore(client.subscribe, client.state);
  const { live = NOTHING_YET } = state;
  const { phase, desk, sees, log } = live;
  const connectButton = useRef<HTMLButtonElement>(null);
  const messageField = useRef<HTMLTextAreaElement>(null);
  useLostFocus(phase, messageField, connectButton);
  return (
    <div className="columns">
      <div className="column">
        <ConnectionPanel client={client} live={live} buttonRef={connectButton} />
        {sees === 'messages' && <Blindness url={live.url} />}
        <SendPanel
          client={client}
          isOpen={phase === 'open'}
          canAsk={desk?.kind === 'echo' && sees === 'wire'}
          messageRef={messageField}
        />
        <Conversation log={log} />
      </div>
      <div className="column">
        <JournalPanel
          client={client}
          state={state}
          title="On the wire"
          follows
          empty="Nothing yet: connect, and the handshake appears here."
          actions={
            <>
              <button
                type="button"
                className="small"
                disabled={state.view.count === 0}
                onClick={() => client.request({ type: 'clear' })}
              >
                Clear
              </button>
              <FileButton label="A file of JSON lines" onFile={(file) => client.request({ type: 'load', file })}>
                Load
              </FileButton>
            </>
          }
        >
          <p className="hint">
            <Sight live={live} /> <span className="legend-up">↑ client to server</span>,{' '}
            <span className="legend-down">↓ server to client</span>. Choose a line to see its bits.
          </p>
        </JournalPanel>
        <EntryDetail
          client={client}
          detail={state.detail}
          hint="Choose a line above: its bytes and bits appear here."
        />
      </div>
    </div>
  );
}

function Sight({ live: { desk, sees } }: { live: LiveState }) {
  if (desk?.kind === 'proxy') return <>Every byte that passes the proxy to {desk.target}.</>;
  if (sees === 'messages') return <>Messages as the page sent and got them.</>;
  return <>Every byte as the server saw it.</>;
}

/** What the browser keeps from pages. */
function Blindness({ url }: { url: string }) {
  return (
    <section className="panel note" aria-label="What cannot be seen here">
      <h2>What cannot be seen here</h2>
      <p>
        A browser gives a page messages, and no frames. Of this connection there is no handshake, no header, no mask, no
        fragment, no ping or pong and no Close frame to be seen; only whether it is open, what it sends and gets, and
        how it ended.
      </p>
      <p>
        To see all of it, put a proxy in between: <code>framewright inspect {url} --port 8081</code>, and open the page
        that it serves.
      </p>
    </section>
  );
}

/** A control that is disabled loses the focus: it goes on to what is to be done next. */
function useLostFocus(
  phase: Phase,
  messageField: { readonly current: HTMLElement | null },
  connectButton: { readonly current: HTMLElement | null },
): void {
  useEffect(() => {
    if (!isFocusLost()) return;
    if (phase === 'open') messageField.current?.focus({ preventScroll: true });
    else if (phase === 'closed') connectButton.current?.focus({ preventScroll: true });
  }, [phase, messageField, connectButton]);
}

function isFocusLost(): boolean {
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || activeElement.matches(':disabled');
}

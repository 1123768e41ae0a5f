/** The page: controls and conversation on one side, the wire on the other, and the decoder below. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { ConnectionPanel } from './connection-panel.tsx';
import { Conversation } from './conversation.tsx';
import { DecodeBox } from './decode-box.tsx';
import { SendPanel } from './send-panel.tsx';
import { Session } from './session.ts';
import { WireView } from './wire-view.tsx';

export function App() {
  const [session] = useState(() => new Session());
  const state = useSyncExternalStore(session.subscribe, session.state);
  const { phase } = state;
  const connectButton = useRef<HTMLButtonElement>(null);
  const messageField = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // A control that is disabled loses the focus: it goes on to what is to be done next.
    if (!isFocusLost()) return;
    if (phase === 'open') messageField.current?.focus({ preventScroll: true });
    else if (phase === 'closed') connectButton.current?.focus({ preventScroll: true });
  }, [phase]);
  return (
    <>
      <header className="top">
        <h1>framewright playground</h1>
        <p>A WebSocket to the server this page came from, and every frame of it, bit by bit.</p>
      </header>
      <main>
        <div className="columns">
          <div className="column">
            <ConnectionPanel phase={phase} onConnect={() => session.connect()} buttonRef={connectButton} />
            <SendPanel session={session} isOpen={phase === 'open'} messageRef={messageField} />
            <Conversation log={state.log} />
          </div>
          <WireView recordings={state.recordings} onClear={() => session.clearRecordings()} />
        </div>
        <DecodeBox />
      </main>
    </>
  );
}

function isFocusLost(): boolean {
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || activeElement.matches(':disabled');
}

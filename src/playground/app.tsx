/** The page: controls and conversation on one side, the wire on the other, and the decoder below. */

import { useState, useSyncExternalStore } from 'react';
import { ConnectionPanel } from './connection-panel.tsx';
import { Conversation } from './conversation.tsx';
import { DecodeBox } from './decode-box.tsx';
import { SendPanel } from './send-panel.tsx';
import { Session } from './session.ts';
import { WireView } from './wire-view.tsx';

export function App() {
  const [session] = useState(() => new Session());
  const state = useSyncExternalStore(session.subscribe, session.state);
  return (
    <>
      <header className="top">
        <h1>framewright playground</h1>
        <p>A WebSocket to the server this page came from, and every frame of it, bit by bit.</p>
      </header>
      <main>
        <div className="columns">
          <div className="column">
            <ConnectionPanel phase={state.phase} onConnect={() => session.connect()} />
            <SendPanel session={session} isOpen={state.phase === 'open'} />
            <Conversation log={state.log} />
          </div>
          <WireView chunks={state.chunks} recordedUpTo={state.recordedUpTo} />
        </div>
        <DecodeBox />
      </main>
    </>
  );
}

/** The chat's page: who is signed in sees the rooms, and who is not, the way in. */

import { StrictMode, useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Chat } from './chat.tsx';
import { onSignedOutElsewhere, Refused, renew, type Session } from './session.ts';
import { SignIn } from './sign-in.tsx';
import './style.css';

const RETRY_MS = 2000;

function App() {
  const [session, setSession] = useState<Session | 'unknown' | 'none'>('unknown');
  const [isAway, setAway] = useState(false);
  const leave = useCallback(() => setSession('none'), []);
  useEffect(() => onSignedOutElsewhere(leave), [leave]);
  useEffect(() => {
    if (session !== 'unknown') return;
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      try {
        setSession(await renew());
      } catch (error) {
        if (error instanceof Refused) setSession('none');
        else timer = setTimeout(look, RETRY_MS);
        setAway(true);
      }
    };
    look();
    return () => clearTimeout(timer);
  }, [session]);

  if (session === 'none') return <SignIn onSignedIn={setSession} />;
  if (session !== 'unknown') return <Chat key={session.id} session={session} onSignedOut={leave} />;
  return (
    <p className="splash" role="status">
      {isAway && 'The server is away. The page tries again by itself.'}
    </p>
  );
}

createRoot(document.querySelector('#app')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

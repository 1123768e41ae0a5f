/** The way in. */

import { type FormEvent, useState } from 'react';
import { Logo } from './pictures.tsx';
import { type Session, signIn } from './session.ts';

export function SignIn({ onSignedIn }: { readonly onSignedIn: (session: Session) => void }) {
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get('name'));
    setBusy(true);
    setError('');
    try {
      onSignedIn(await signIn(name));
    } catch (error) {
      setError(error instanceof TypeError ? 'The server cannot be reached' : (error as Error).message);
      setBusy(false);
    }
  }

  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <Logo />
        <h1>Welcome</h1>
        <p>Sign in, and see what the others are talking about.</p>
        <label htmlFor="name">Your name</label>
        {/* biome-ignore lint/a11y/noAutofocus: it is all that there is on this page */}
        <input id="name" name="name" required maxLength={30} autoComplete="nickname" autoFocus />
        <button type="submit" className="primary" disabled={isBusy}>
          Sign in
        </button>
        <p className="fault" role="alert">
          {error}
        </p>
      </form>
    </main>
  );
}

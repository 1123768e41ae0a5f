/** Who is signed in, as the server says it. The cookie that renews it is no affair of the page's. */

export interface Session {
  readonly id: string;
  readonly name: string;
  /** For the next connection. */
  readonly token: string;
}

/** The server has answered, and what it says is meant for the user. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function ask(path: string, body?: object): Promise<Session> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(
    path,
    body === undefined ? { method: 'POST' } : { method: 'POST', headers, body: JSON.stringify(body) },
  );
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status >= 500) throw new Error('The server is away');
  throw new Refused(response.status, answer.error ?? `The server answers ${response.status}`);
}

export const signIn = (name: string) => ask('/session', { name });
/** Rejects with `Refused` when nobody is signed in, and otherwise when the server cannot be reached. */
export const renew = () => ask('/session/refresh');

const tabs = new BroadcastChannel('session');

export async function signOut(): Promise<void> {
  await fetch('/session', { method: 'DELETE' });
  tabs.postMessage('signed out');
}

/** Calls back when another tab has signed out. @returns what ends it */
export function onSignedOutElsewhere(listener: () => void): () => void {
  tabs.addEventListener('message', listener);
  return () => tabs.removeEventListener('message', listener);
}

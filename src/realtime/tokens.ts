/** New tokens of users who are connected. */

import type { Rejection } from '../admission/rejection.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import type { Gate } from './gate.ts';
import { HubSocket } from './hub-socket.ts';
import type { HubUser } from './rules.ts';
import type { Handlers, Session } from './session.ts';

export function tokenHandlers(gate: Gate, report: (error: unknown, where: string) => void): Pick<Handlers, 'token'> {
  return {
    async token(session, { id, token }) {
      try {
        const user = await askAgain(gate, session, token);
        if (user === undefined) return;
        session.user = user;
        session.answer(id, { expires: user.expires });
      } catch (error) {
        if (!(error instanceof RealtimeError)) report(error, 'authenticate');
        session.answerError(id, error);
      }
    },
  };
}

/**
 * Has the connection go on with the new token's user, until his time is over.
 * @returns undefined when it has gone meanwhile
 * @throws {RealtimeError} when the token is none for this user
 */
async function askAgain(gate: Gate, { outlet, user }: Session, token: string): Promise<HubUser | undefined> {
  if (!(outlet instanceof HubSocket) || outlet.firstAsked === undefined) {
    throw new RealtimeError('NOT_ALLOWED', 'A new token means nothing on this connection');
  }
  if (outlet.isAsking) throw new RealtimeError('TOO_MANY', 'A token is being looked at: bring one at a time');
  outlet.isAsking = true;
  let outcome: HubUser | Rejection | undefined;
  try {
    outcome = await gate.askAgain(outlet.firstAsked, token, outlet);
  } finally {
    outlet.isAsking = false;
  }
  if (outcome === undefined || outlet.readyState !== HubSocket.OPEN) return undefined;
  if ('reason' in outcome) throw new RealtimeError('NOT_ALLOWED', 'The token was refused');
  if (outcome.id !== user.id) throw new RealtimeError('NOT_ALLOWED', "The token is another user's");
  outlet.user = outcome;
  return outcome;
}

/** What clients ask of calls. */

import { type Calls, OpenCalls } from './calls.ts';
import type { HubUser } from './rules.ts';
import type { Handlers } from './session.ts';

export function callHandlers(calls: Calls<HubUser>): Pick<Handlers, 'call' | 'cancel'> {
  return {
    call(session, message) {
      if (session.isRetired) return;
      session.calls ??= new OpenCalls(calls, session.id);
      session.calls.start(message, session.user, (text) => session.outlet.send(text));
    },
    cancel: (session, { id }) => session.calls?.cancel(id),
  };
}

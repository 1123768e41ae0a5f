/** What a close code of the realtime protocol asks of the client. */

export const RealtimeCloseCode = {
  /** What came is not this protocol. */
  NotThisProtocol: 4400,
  /** The user's time is over, or the token is none. */
  TokenNeeded: 4401,
  NotAllowed: 4403,
  /** Another connection stands in this one's place. */
  Replaced: 4409,
} as const;

/**
 * 'later': come back after the hint in the reason; 'token': get a new token first; 'stop': do not come back; 'again': come
 * back as after any loss.
 */
export type Reaction = 'later' | 'token' | 'stop' | 'again';

const REACTIONS: Readonly<Record<number, Reaction>> = {
  1001: 'later',
  1012: 'later',
  1013: 'later',
  4400: 'stop',
  4401: 'token',
  4403: 'stop',
  4409: 'stop',
};

export function reactionTo(code: number): Reaction {
  return REACTIONS[code] ?? 'again';
}

/** The hint in a reason of when to come back, in milliseconds: as servers give it that drain. */
export function retryHintMs(reason: string): number | undefined {
  const found = /\bretry-after-ms=(\d{1,9})\b/.exec(reason);
  return found === null ? undefined : Number(found[1]);
}

/** `Sec-WebSocket-Accept` (§4.2.2) by the SHA-1 of the runtime, which is fast from the first connection on. */

import { acceptValue, GUID } from '../handshake/index.ts';

let answer: ((key: string) => string) | undefined;

/** As `acceptValue`. */
export function quickAcceptValue(key: string): string {
  answer ??= usesRuntime() ? ofRuntime : acceptValue;
  return answer(key);
}

function ofRuntime(key: string): string {
  return process.getBuiltinModule('node:crypto').hash('sha1', key + GUID, 'base64');
}

/** Not where it has no `hash`, nor where it is forbidden to use SHA-1, as under FIPS. */
function usesRuntime(): boolean {
  try {
    return ofRuntime('') === acceptValue('');
  } catch {
    return false;
  }
}

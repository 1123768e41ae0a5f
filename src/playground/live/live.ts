/** The page's live session: it goes on whichever view is looked at. */

import { addressOf } from '../worker/address.ts';
import { WorkerClient } from '../worker/worker-client.ts';

let client: WorkerClient | undefined;

/** Where the page came from. */
const BASE = new URL('./', window.location.href.split('#', 1)[0]).href;

export function liveClient(): WorkerClient {
  if (client === undefined) {
    client = new WorkerClient();
    client.request({ type: 'start', base: BASE });
  }
  return client;
}

/** The WebSocket of the server that the page came from. */
export const OWN_ADDRESS = addressOf(BASE);

/** §7.4: what a page may close with. @returns why not, or nothing */
export function closeFault(code: number | undefined, reason: string): string {
  const isAllowed = code === undefined || code === 1000 || (code >= 3000 && code <= 4999);
  return isAllowed && new TextEncoder().encode(reason).length <= 123 ? '' : NOT_FOR_PAGES;
}

const NOT_FOR_PAGES = 'A page may close with 1000 or 3000 to 4999 and a reason of at most 123 bytes, or with neither.';

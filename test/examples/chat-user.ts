/** Users of the example of a chat, without its page. */

import { onTestFinished } from 'vitest';
import type { chat } from '../../src/examples/chat/protocol.ts';
import type { Live } from '../../src/live/index.ts';
import { connect } from '../../src/live/node.ts';

export function signIn(address: string, name: string): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`${address}/session`, { method: 'POST', headers, body: JSON.stringify({ name }) });
}

/** A connection of somebody who has signed in, until the test is over. */
export async function openChat(address: string, name: string): Promise<Live<typeof chat>> {
  const token = async () => ((await (await signIn(address, name)).json()) as { token: string }).token;
  const live = connect<typeof chat>(`${address}/live`, { token });
  onTestFinished(() => live.close());
  return live;
}

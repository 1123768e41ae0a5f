/** The page's decoder: what it was given last, and what it makes of it, stay when another view is looked at. */

import { useSyncExternalStore } from 'react';
import { usePlaceValue } from '../router.ts';
import type { RoleChoice } from '../worker/messages.ts';
import { WorkerClient } from '../worker/worker-client.ts';

let client: WorkerClient | undefined;

export function decodeClient(): WorkerClient {
  client ??= new WorkerClient();
  return client;
}

const COMPRESSION: Readonly<Record<string, boolean>> = { on: true, off: false };

/** What is decoded, or was. */
let last: readonly unknown[] = [];

export function decode(content: string | File, role: string, deflate: string): void {
  const given = [content, role, deflate];
  if (given.every((value, i) => value === last[i])) return;
  last = given;
  const known: RoleChoice = role === 'server' || role === 'client' ? role : 'auto';
  const input = { content, role: known, isCompressed: COMPRESSION[deflate] };
  decodeClient().request({ type: 'decode', input });
}

/** A file has no place in an address. */
let file: File | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The text or the file that is to be decoded. */
export function useGiven(initial: string): [string | File, (value: string | File) => void] {
  const [text, setText] = usePlaceValue('bytes', initial);
  const given = useSyncExternalStore(subscribe, () => file);
  const set = (value: string | File) => {
    file = value instanceof File ? value : undefined;
    if (typeof value === 'string') setText(value);
    for (const listener of listeners) listener();
  };
  return [given ?? text, set];
}

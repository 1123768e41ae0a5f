/** What a receiver found, as people read it: two events are the same when their texts are. */

import { formatHex } from '../../inspector/index.ts';
import { violationMessage } from '../../protocol/index.ts';
import type { ReceiverEvent } from './receiver.ts';

const MAX_BYTES = 1024;

export function describeEvent({ kind, payload, closeCode, violation }: ReceiverEvent): string {
  if (kind === 'failed') return `fails: ${violationMessage(violation!.id, violation!.detail)}`;
  const content =
    kind === 'binary' ? formatHex(payload.subarray(0, MAX_BYTES)) : `“${new TextDecoder().decode(payload)}”`;
  return kind === 'close' ? `close ${closeCode} ${content}` : `${kind} ${content}`;
}

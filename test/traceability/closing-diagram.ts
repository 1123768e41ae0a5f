/** Draws the table of the closing handshake (§7.1) as the Mermaid diagram that stands in spec-notes. */

import type { TransitionTable } from '../../src/protocol/closing-handshake.ts';

/** A fenced Mermaid block: one arrow for each transition, states and events in the table's order. */
export function drawTransitions(table: TransitionTable, start: string): string {
  const arrows = Object.entries(table).flatMap(([state, events]) =>
    Object.entries(events).map(([event, next]) => `  ${state} --> ${next}: ${event}`),
  );
  return ['```mermaid', 'stateDiagram-v2', `  [*] --> ${start}`, ...arrows, '```'].join('\n');
}

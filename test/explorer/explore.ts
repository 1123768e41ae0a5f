/**
 * Walks a world through every order of calls, breadth first: so what it finds is found in as few calls as it takes. States
 * that are alike are one, whatever way led to them.
 */

import { SETTLING } from './deeds.ts';
import { Breach, type Call, type Scenario, World } from './world.ts';

/** So far each state is let finish, so that what never closes is shown in few calls. */
const FINISHED_DEPTH = 3;

export interface Exploration {
  readonly scenario: string;
  /** How many calls the longest way has that was walked. */
  readonly depth: number;
  readonly states: number;
  /** Calls made, each from a state of its own. */
  readonly steps: number;
  /** Whether there is no state behind those that were reached, at any depth. */
  readonly isComplete: boolean;
  /** What was found that must not be, if anything. */
  readonly breach?: { readonly message: string; readonly calls: readonly Call[] };
}

/** A state, by the way that first led to it. */
interface State {
  readonly before: State | undefined;
  readonly call: Call | undefined;
  /** What can be done from there. */
  readonly calls: readonly Call[];
}

export function explore(scenario: Scenario, maxDepth: number): Exploration {
  const seen = new Set<number>();
  let steps = 0;
  let depth = 0;
  let breach: Exploration['breach'];
  /** Makes one more call. @returns the state that it leads to; undefined when that is no new one, or must not be */
  const step = (before?: State, call?: Call): State | undefined => {
    try {
      const world = replay(scenario, before);
      if (call !== undefined) world.apply(call);
      const key = world.key();
      if (seen.has(key)) return undefined;
      seen.add(key);
      const calls = world.calls();
      // Further on, what only has to be waited for is a call like others, and leads to states of which the same is asked.
      const leadsOn = depth > FINISHED_DEPTH && depth < maxDepth && calls.some(({ deed }) => SETTLING.includes(deed));
      if (!leadsOn) world.finish();
      return { before, call, calls };
    } catch (error) {
      if (!(error instanceof Breach)) throw error;
      breach = { message: error.message, calls: [...wayTo(before), ...(call === undefined ? [] : [call])] };
      return undefined;
    }
  };

  let frontier = [step()].filter((state) => state !== undefined);
  while (frontier.length > 0 && depth < maxDepth && breach === undefined) {
    depth++;
    const next: State[] = [];
    for (const state of frontier) {
      for (const call of state.calls) {
        if (breach !== undefined) break;
        steps++;
        const reached = step(state, call);
        if (reached !== undefined) next.push(reached);
      }
    }
    frontier = next;
  }
  const isComplete = frontier.length === 0 && breach === undefined;
  return { scenario: scenario.name, depth, states: seen.size, steps, isComplete, ...(breach && { breach }) };
}

function wayTo(state: State | undefined): Call[] {
  const calls: Call[] = [];
  for (let at: State | undefined = state; at?.call !== undefined; at = at.before) calls.push(at.call);
  return calls.reverse();
}

function replay(scenario: Scenario, state: State | undefined): World {
  const world = new World(scenario);
  for (const call of wayTo(state)) world.perform(call);
  return world;
}

/** A way in words: `client.send, server.arrive`. */
export function inWords(calls: readonly Call[]): string {
  return calls.map(({ side, deed }) => `${side}.${deed}`).join(', ');
}

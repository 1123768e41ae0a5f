/**
 * Where on the page somebody is: `#/build?opcode=9&payload=tick` is a view and its input. So each view has an address, the
 * back button goes back, and a link takes the input along. What somebody types goes into the address they are at; going
 * to another view is a step in the history.
 */

import { useCallback, useSyncExternalStore } from 'react';

export interface Place {
  /** Empty for the page's own address. */
  readonly view: string;
  readonly input: Input;
}

export type Input = Readonly<Record<string, string>>;

/** Longer values are not for an address: browsers and chats cut those. */
const MAX_ADDRESS_VALUE = 4000;
/** Browsers count how often an address is changed. */
const WRITE_DELAY_MS = 250;

/** The place that a fragment names, `#` included. */
function readPlace(hash: string): Place {
  const [, view = '', query = ''] = /^#?\/?([^?]*)\??(.*)$/s.exec(hash)!;
  return { view, input: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a view with its input, for the `href` of a link. Without values too long for one. */
export function linkTo(view: string, input: Input = {}): string {
  const values = Object.entries(input).filter(([, value]) => value.length <= MAX_ADDRESS_VALUE);
  const query = new URLSearchParams(values).toString();
  return `#/${view}${query === '' ? '' : `?${query}`}`;
}

let place: Place = readPlace(window.location.hash);
/** What was typed into each view: long values are nowhere else. */
const remembered = new Map<string, Place>([[place.view, place]]);
const listeners = new Set<() => void>();
let writing: ReturnType<typeof setTimeout> | undefined;

function enter(next: Place): void {
  place = next;
  remembered.set(next.view, next);
  for (const listener of listeners) listener();
}

/** The address takes up what was typed. */
function write(): void {
  if (writing === undefined) return;
  clearTimeout(writing);
  writing = undefined;
  window.history.replaceState(null, '', linkTo(place.view, place.input));
}

window.addEventListener('hashchange', () => {
  clearTimeout(writing);
  writing = undefined;
  const next = readPlace(window.location.hash);
  const known = remembered.get(next.view);
  enter(known && linkTo(known.view, known.input) === linkTo(next.view, next.input) ? known : next);
});
// Before a link leads away.
document.addEventListener('click', write, true);
window.addEventListener('pagehide', write);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, () => place);
}

/** The input that a view was left with. */
export function rememberedInput(view: string): Input {
  return remembered.get(view)?.input ?? {};
}

/** Whether the address has all of the input. */
export function isWholeInAddress({ input }: Place): boolean {
  return Object.values(input).every((value) => value.length <= MAX_ADDRESS_VALUE);
}

/** Like `useState` for a text that belongs to the view's input: it stands in the address, unless it is as at first. */
export function usePlaceValue(name: string, initial: string): [string, (value: string) => void] {
  const value = usePlace().input[name] ?? initial;
  const set = useCallback((next: string) => changeInput(name, next === initial ? undefined : next), [name, initial]);
  return [value, set];
}

function changeInput(name: string, value: string | undefined): void {
  if (place.input[name] === value) return;
  const { [name]: _, ...others } = place.input;
  enter({ view: place.view, input: value === undefined ? others : { ...others, [name]: value } });
  clearTimeout(writing);
  writing = setTimeout(write, WRITE_DELAY_MS);
}

/** A page for React in Node: happy-dom's document, and components that are shown in it and tell what they render. */

import { Window } from 'happy-dom';
import { act, createElement, type ReactNode, StrictMode } from 'react';
import { vi } from 'vitest';

const window = new Window({ url: 'http://127.0.0.1/' });
const { document } = window;
Object.assign(globalThis, { window, document, IS_REACT_ACT_ENVIRONMENT: true });
// Node.js 20 has none.
if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: window.navigator });

const { createRoot, hydrateRoot } = await import('react-dom/client');

export interface Shown {
  render(node: ReactNode): Promise<void>;
  unmount(): Promise<void>;
  readonly text: string;
}

/** Shows a tree; `unmount` takes it away. */
export async function show(
  node: ReactNode,
  { html, ...options }: { html?: string; onRecoverableError?: (error: unknown) => void } = {},
): Promise<Shown> {
  const element = document.createElement('div');
  if (html !== undefined) element.innerHTML = html;
  const container = element as unknown as Parameters<typeof createRoot>[0] & Parameters<typeof hydrateRoot>[0];
  const root = await act(async () => {
    if (html !== undefined) return hydrateRoot(container, node, options);
    const made = createRoot(container);
    made.render(node);
    return made;
  });
  return {
    render: (next) => act(async () => root.render(next)),
    unmount: () => act(async () => root.unmount()),
    get text() {
      return element.textContent;
    },
  };
}

/** Lets time pass, which may be virtual, with React at work. */
export async function pass(ms: number): Promise<void> {
  await act(async () => {
    if (vi.isFakeTimers()) await vi.advanceTimersByTimeAsync(ms);
    else await new Promise((resolve) => setTimeout(resolve, ms));
  });
}

/** Waits until something holds. */
export async function until(holds: () => unknown): Promise<void> {
  while (!holds()) await pass(5);
}

/** A component that calls a hook with its properties and keeps what each render has got. */
export function probe<Result, Props extends object = object>(use: (props: Props) => Result) {
  const results: Result[] = [];
  const Probe = (props: Props) => {
    results.push(use(props));
    return null;
  };
  return {
    results,
    get last(): Result {
      return results.at(-1)!;
    },
    node: (props?: Props): ReactNode => createElement(Probe, props ?? ({} as Props)),
  };
}

export const strict = (node: ReactNode): ReactNode => createElement(StrictMode, null, node);

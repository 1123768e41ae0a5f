/**
 * The page's half of a worker: what it told last, for components that subscribe to it, and questions to it. Nothing here
 * grows with what passes.
 */

import type { Detail } from '../journal/entry.ts';
import type { ReadPayload } from '../parts/payload-dump.tsx';
import type {
  DecodeState,
  FromWorker,
  JournalQuestion,
  JournalView,
  LiveState,
  ToWorker,
  WorkerRequest,
} from './messages.ts';

export interface WorkerState {
  readonly view: JournalView;
  readonly live?: LiveState;
  readonly decode?: DecodeState;
  readonly detail: Detail | undefined;
}

const NOTHING_YET: WorkerState = {
  view: {
    shownCount: 0,
    count: 0,
    letGoCount: 0,
    lostCount: 0,
    goneCount: 0,
    connections: [],
    start: 0,
    rows: [],
    selectedIndex: -1,
  },
  detail: undefined,
};

export class WorkerClient {
  #state = NOTHING_YET;
  #tickets = 0;
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  readonly #listeners = new Set<() => void>();
  readonly #asked = new Map<number, (answer: unknown) => void>();

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): WorkerState => this.#state;

  request(request: WorkerRequest): void {
    this.#post({ request });
  }

  /** The whole journal as a file of JSON lines. */
  save(): Promise<Blob> {
    return this.#ask({ type: 'save' }) as Promise<Blob>;
  }

  /** The bytes of an entry as they were on the wire, at most 1 MiB of them. */
  hex(id: number): Promise<string> {
    return this.#ask({ type: 'hex', id }) as Promise<string>;
  }

  payload(id: number): ReadPayload {
    return (at, length) => this.#ask({ type: 'payload', id, at, length }) as ReturnType<ReadPayload>;
  }

  #ask(question: JournalQuestion): Promise<unknown> {
    const ticket = ++this.#tickets;
    this.#post({ question, ticket });
    return new Promise((resolve) => this.#asked.set(ticket, resolve));
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #take(message: FromWorker): void {
    if ('ticket' in message) {
      this.#asked.get(message.ticket)?.(message.answer);
      this.#asked.delete(message.ticket);
      return;
    }
    const { detail = this.#state.detail, ...others } = message;
    this.#state = { ...others, detail: detail ?? undefined };
    for (const listener of this.#listeners) listener();
  }
}

/** How much goes over one link at once, and how long it may take. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Link } from '../../../src/engines/redis/link.ts';
import { READ } from '../../../src/engines/redis/scripts.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A client in whose place the test answers. Beats are answered at once. */
class Fake {
  static all: Fake[] = [];
  static beats = 0;
  /** What waits for its answer. */
  readonly asked: { readonly words: readonly string[]; readonly answer: (value?: unknown) => void }[] = [];
  #isClosed = false;
  readonly #listeners = new Map<string, (...args: string[]) => void>();

  duplicate(): Fake {
    const client = new Fake();
    Fake.all.push(client);
    return client;
  }
  on(event: string, listener: (...args: string[]) => void): void {
    this.#listeners.set(event, listener);
  }
  async connect(): Promise<void> {}
  disconnect(): void {
    this.#isClosed = true;
    for (const { answer } of this.asked.splice(0)) answer(Promise.reject(new Error('Connection is closed.')));
  }
  call(...words: string[]): Promise<unknown> {
    if (words[0] === 'INFO') return Promise.resolve('');
    if (words[0] === 'SCRIPT') return Promise.resolve(words[2] === READ ? 'read' : 'other');
    if (words[0] === 'EVALSHA' && words[1] === 'other') {
      Fake.beats++;
      Fake.all[1]!.#listeners.get('message')!('own', 'b');
      return Promise.resolve(['run', '1000']);
    }
    return this.#wait(words);
  }
  subscribe(topic: string): Promise<unknown> {
    return topic === 'own' ? Promise.resolve() : this.#wait([topic]);
  }
  #wait(words: readonly string[]): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new Error('Connection is closed.'));
    return new Promise((resolve) => void this.asked.push({ words, answer: resolve }));
  }
}

function makeLink() {
  Fake.all = [];
  Fake.beats = 0;
  const settings = { client: new Fake(), isSharded: false, timeoutMs: 1000, ownTopic: 'own' };
  const link = new Link({ ...settings, message() {}, refused() {} });
  const [requests, topics] = Fake.all as [Fake, Fake];
  return { link, requests, topics };
}

const turns = () => vi.advanceTimersByTimeAsync(0);

it('more than it takes at once waits in order, and no beat behind it', async () => {
  const { link, requests } = makeLink();
  await link.open([]);
  const answers = Array.from({ length: 1500 }, (_, i) => link.run(READ, [], 'a', [String(i)]));
  expect(requests.asked).toHaveLength(1000);
  const { beats } = Fake;
  await vi.advanceTimersByTimeAsync(300);
  expect(Fake.beats).toBe(beats + 1);
  const answered = requests.asked.splice(0, 600);
  for (const { answer } of answered) answer(1);
  await turns();
  const sent = [...answered, ...requests.asked].map(({ words }) => Number(words.at(-1)));
  expect(sent).toEqual(answers.map((_, i) => i));
  const rest = Promise.allSettled([...answers, ...Array.from({ length: 1000 }, () => link.run(READ, [], 'a', ['x']))]);
  link.end(new Error('over'));
  expect((await rest).filter(({ status }) => status === 'fulfilled')).toHaveLength(600);
});

it('however many topics it has, they are subscribed in lots, of which each has its time', async () => {
  const { link, topics } = makeLink();
  const opening = link.open(Array.from({ length: 3500 }, (_, i) => `topic ${i}`));
  for (const length of [1000, 1000, 1000, 500]) {
    await vi.advanceTimersByTimeAsync(900);
    expect([link.state, topics.asked.length]).toEqual(['opening', length]);
    for (const { answer } of topics.asked.splice(0)) answer();
  }
  await opening;
  expect(link.state).toBe('open');
});

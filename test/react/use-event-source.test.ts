import { expect, it } from 'vitest';
import { useEventSource } from '../../src/react/use-event-source.ts';
import { probe, show, strict, until } from './dom.ts';

class FakeEventSource extends EventTarget {
  static made: FakeEventSource[] = [];
  readyState = 0;
  readonly url: string;
  constructor(url: string) {
    super();
    this.url = url;
    FakeEventSource.made.push(this);
  }
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }
  close(): void {
    this.readyState = 2;
  }
  tell(data: string, type = 'message'): void {
    this.dispatchEvent(Object.assign(new Event(type), { data, lastEventId: '' }));
  }
}

it('opens one connection under StrictMode, and tells a burst in one render', async () => {
  const p = probe(() => useEventSource('/x', { EventSource: FakeEventSource as never }));
  const shown = await show(strict(p.node()));
  expect(FakeEventSource.made).toHaveLength(1);
  const [source] = FakeEventSource.made;
  source!.open();
  await until(() => p.last.state === 'open');
  const renders = p.results.length;
  for (let i = 0; i < 16; i++) source!.tell(String(i));
  await until(() => p.last.messages.length === 16);
  expect(p.results.length - renders).toBe(2);
  await shown.unmount();
});

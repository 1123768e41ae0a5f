/** What the chat's page makes of what it is told, without a page. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { Pace } from '../../src/examples/chat/pace.ts';
import { changed, EMPTY, type Timeline } from '../../src/examples/chat/page/timeline.ts';

/** Messages are named by when they were said. */
function tell(timeline: Timeline, epoch: string, first: number, ats: readonly number[], isAfterGap = false): Timeline {
  return ats.reduce(
    (before, at, i) =>
      changed(before, {
        type: 'message',
        message: {
          data: { id: `ann/${at}`, by: 'ann', name: 'Ann', text: `${at}`, at },
          position: { epoch, offset: first + i },
          isAfterGap: isAfterGap && i === 0,
        },
      }),
    timeline,
  );
}
const shownOf = ({ entries }: Timeline) =>
  entries.map((entry) => (entry.kind === 'said' ? `${entry.data.at}${entry.position.epoch}` : entry.kind)).join(' ');

describe('a log that began anew', () => {
  const before = tell(EMPTY, 'a', 5, [50, 60, 70]);

  it('has kept all: it stands where it stood, what the page had not shown before it', () => {
    const anew = tell(before, 'b', 1, [10, 50, 50.5, 60, 70], true);
    expect(shownOf(anew)).toBe('10b 50b 50.5b 60b 70b gap');
    expect(shownOf(tell(anew, 'b', 6, [80]))).toBe('10b 50b 50.5b 60b 70b gap 80b');
  });

  it('has lost its end: that stays, and what comes then is behind the gap', () => {
    const anew = tell(before, 'b', 1, [10, 50], true);
    expect(shownOf(tell(anew, 'b', 3, [80, 90]))).toBe('10b 50b 60a 70a gap 80b 90b');
  });

  it('has lost all: what comes then is behind the gap, and behind who came', () => {
    const moved = changed(tell(before, 'b', 1, [80], true), { type: 'moved', came: ['Bob'], went: [] });
    expect(shownOf(tell(moved, 'b', 2, [90]))).toBe('50a 60a 70a gap 80b moved 90b');
  });
});

it('who goes and comes back at once, or the other way round, has no line', () => {
  const moved = (came: string[], went: string[]) => ({ type: 'moved', came, went }) as const;
  const gone = changed(EMPTY, moved([], ['Ann', 'Bob']));
  expect(changed(gone, moved(['Ann'], [])).entries).toMatchObject([{ came: [], went: ['Bob'] }]);
  const came = changed(gone, moved(['Eve', 'Ann', 'Bob'], []));
  expect(came.entries).toMatchObject([{ came: ['Eve'], went: [] }]);
  expect(changed(came, moved([], ['Eve'])).entries).toEqual([]);
});

describe('who is too fast', () => {
  afterEach(() => void vi.useRealTimers());

  it('is told when to go on, in a way that leaves the key good', () => {
    vi.useFakeTimers();
    const pace = new Pace(2, 5000, 'messages');
    for (let i = 0; i < 2; i++) pace.check('ann');
    pace.check('bob');
    vi.advanceTimersByTime(1000);
    expect(() => pace.check('ann')).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', data: { retryAfterMs: 4000 } }),
    );
    vi.advanceTimersByTime(4000);
    pace.check('ann');
  });
});

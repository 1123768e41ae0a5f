/** Goes through something long page by page, or to a place in it. */

import { type FormEvent, useId, useState } from 'react';
import { isWholeNumber } from '../../protocol/whole-number.ts';

interface PagerProps {
  /** Where the page that is shown begins. */
  readonly at: number;
  readonly pageLength: number;
  readonly length: number;
  /** What is counted, in the singular. */
  readonly unit: string;
  readonly onMove: (at: number) => void;
}

export function Pager({ at, pageLength, length, unit, onMove }: PagerProps) {
  const [goal, setGoal] = useState('');
  const goalId = useId();
  const last = length - 1 - ((length - 1) % pageLength);
  const go = (event: FormEvent) => {
    event.preventDefault();
    const place = Math.min(Number(goal), length - 1);
    if (isWholeNumber(place, 0)) onMove(place - (place % pageLength));
  };
  return (
    <form className="pager" onSubmit={go}>
      <button type="button" className="small" disabled={at === 0} onClick={() => onMove(at - pageLength)}>
        Previous
      </button>
      <span role="status">
        {unit}s {at.toLocaleString('en')}–{(Math.min(at + pageLength, length) - 1).toLocaleString('en')} of{' '}
        {length.toLocaleString('en')}
      </span>
      <button type="button" className="small" disabled={at >= last} onClick={() => onMove(at + pageLength)}>
        Next
      </button>
      <label htmlFor={goalId}>go to {unit}</label>
      <input id={goalId} inputMode="numeric" size={8} value={goal} onChange={(event) => setGoal(event.target.value)} />
      <button type="submit" className="small">
        Go
      </button>
    </form>
  );
}

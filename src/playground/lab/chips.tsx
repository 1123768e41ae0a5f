/** Small buttons that belong together, with a name for those who cannot see that. */

import type { ReactNode } from 'react';

export function Chips({ label, children }: { label: string; children: ReactNode }) {
  return (
    <fieldset className="chips">
      <legend className="visually-hidden">{label}</legend>
      {children}
    </fieldset>
  );
}

interface ChipProps {
  /** Of chips of which one is chosen: whether it is this one. */
  readonly isChosen?: boolean | undefined;
  readonly onChoose: () => void;
  readonly children: ReactNode;
}

export function Chip({ isChosen, onChoose, children }: ChipProps) {
  return (
    <button type="button" className="small" aria-pressed={isChosen} onClick={onChoose}>
      {children}
    </button>
  );
}

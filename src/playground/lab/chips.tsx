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

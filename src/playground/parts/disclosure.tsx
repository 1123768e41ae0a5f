/** A line that opens: what stands behind it is made when it is first looked at, and only while it is open. */

import { type ReactNode, useState } from 'react';

interface DisclosureProps {
  readonly className: string;
  readonly summary: ReactNode;
  readonly isInitiallyOpen?: boolean;
  readonly children: () => ReactNode;
}

export function Disclosure({ className, summary, isInitiallyOpen = false, children }: DisclosureProps) {
  const [isOpen, setOpen] = useState(isInitiallyOpen);
  return (
    <details className={className} open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isOpen && children()}
    </details>
  );
}

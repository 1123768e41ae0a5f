/**
 * A button for what can be done now or cannot. It is never disabled in the manner of HTML: who has pressed it keeps the
 * focus when it was the last time.
 */

import type { ReactNode } from 'react';

interface ActionButtonProps {
  readonly isPossible: boolean;
  readonly onAct: () => void;
  readonly className?: string;
  readonly children: ReactNode;
}

export function ActionButton({ isPossible, onAct, className, children }: ActionButtonProps) {
  return (
    <button type="button" className={className} aria-disabled={!isPossible} onClick={() => isPossible && onAct()}>
      {children}
    </button>
  );
}

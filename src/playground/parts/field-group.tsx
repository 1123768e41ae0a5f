/**
 * Shows what belongs together: elements name fields in `data-field`, with spaces between the names, and those that share
 * one with the element under the pointer, or with the one that has the focus, get `data-lit`. React is not asked: there
 * are hundreds of bytes, and pointers are quick.
 */

import { type ReactNode, type SyntheticEvent, useRef } from 'react';

interface FieldGroupProps {
  readonly className?: string;
  readonly children: ReactNode;
}

export function FieldGroup({ className, children }: FieldGroupProps) {
  const group = useRef<HTMLDivElement>(null);
  const lit = useRef('');
  const light = (names: string) => {
    if (names === lit.current) return;
    lit.current = names;
    const wanted = names.split(' ');
    for (const element of group.current!.querySelectorAll<HTMLElement>('[data-field]')) {
      const own = element.dataset.field!.split(' ');
      element.toggleAttribute('data-lit', names !== '' && own.some((name) => wanted.includes(name)));
    }
  };
  const look = ({ target }: SyntheticEvent) => {
    light((target as Element).closest<HTMLElement>('[data-field]')?.dataset.field ?? '');
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears what happens to what it holds, and does nothing itself
    <div
      ref={group}
      className={className}
      onPointerOver={look}
      onPointerLeave={() => light('')}
      onFocus={look}
      onBlur={() => light('')}
    >
      {children}
    </div>
  );
}

/** Conformance cases that a lesson names, each a link to its frames: to look at, to change and to send. */

import type { cases as AllCases } from 'virtual:lesson-sources';
import { useEffect, useState } from 'react';
import { linkTo } from '../router.ts';

export function CaseLinks({ lesson }: { lesson: string }) {
  const [cases, setCases] = useState<(typeof AllCases)[string]>();
  useEffect(() => {
    let isWanted = true;
    import('virtual:lesson-sources').then(
      (found) => isWanted && setCases(found.cases[lesson] ?? []),
      () => isWanted && setCases([]),
    );
    return () => {
      isWanted = false;
    };
  }, [lesson]);
  if (cases === undefined) return <p className="hint">Loading …</p>;
  if (cases.length === 0) return <p className="hint">None of them is short enough for a link.</p>;
  return (
    <ul className="case-links">
      {cases.map(({ id, summary, frames }) => (
        <li key={id}>
          <a href={linkTo('build', { frames })}>
            {id}: {summary}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The lines of framewright that do what a lesson is about, as they are in this very page. */

import { useEffect, useState } from 'react';
import { Disclosure } from '../parts/disclosure.tsx';
import type { Lines } from './declarations.ts';
import type { Source } from './lessons.ts';

export function SourceLines({ source: { file, symbol } }: { source: Source }) {
  const summary = (
    <>
      <code>{symbol}</code> <span className="hint">src/{file}</span>
    </>
  );
  return (
    <Disclosure className="source" summary={summary}>
      {() => <Declaration file={file} symbol={symbol} />}
    </Disclosure>
  );
}

function Declaration({ file, symbol }: Source) {
  const [found, setFound] = useState<Lines>();
  useEffect(() => {
    let isWanted = true;
    import('virtual:lesson-sources').then(
      ({ default: sources }) => isWanted && setFound(sources[`${file}#${symbol}`]),
      () => isWanted && setFound({ first: 1, lines: ['// Not loaded: is the server still running?'] }),
    );
    return () => {
      isWanted = false;
    };
  }, [file, symbol]);
  if (found === undefined) return <p className="hint">Loading …</p>;
  const { first, lines } = found;
  return (
    <>
      <p className="hint">
        Lines {first} to {first + lines.length - 1}
      </p>
      <pre className="code">
        <code>{lines.join('\n')}</code>
      </pre>
    </>
  );
}

/** The frame around the views: the menu, the view's heading, and where the focus is when somebody goes from one to another. */

import { type ComponentType, useEffect, useRef, useState } from 'react';
import { linkTo, rememberedInput, usePlace } from './router.ts';
import { VIEWS, type View } from './views.ts';

export function App() {
  const id = usePlace().view;
  const view = VIEWS.find((candidate) => candidate.id === id) ?? VIEWS[0]!;
  const loaded = useLoaded(view);
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${view.name} · framewright playground`;
    // Whoever went here by the menu reads on from the heading.
    if (!isFirst.current) heading.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [view]);
  return (
    <>
      <button type="button" className="skip" onClick={() => heading.current?.focus()}>
        Skip to the content
      </button>
      <header className="top">
        <p className="brand">framewright playground</p>
        <nav aria-label="Views">
          <ul>
            {VIEWS.map((other) => (
              <li key={other.id}>
                <a
                  href={linkTo(other.id, rememberedInput(other.id))}
                  aria-current={other === view ? 'page' : undefined}
                >
                  {other.name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main>
        <div className="view-title">
          <h1 ref={heading} tabIndex={-1}>
            {view.name}
          </h1>
          <p>{view.summary}</p>
        </div>
        {loaded.fault !== undefined && (
          <p className="violation" role="alert">
            This view could not be loaded ({loaded.fault}). Is “framewright serve” still running? Then load the page
            again.
          </p>
        )}
        {loaded.Content && <loaded.Content key={view.id} />}
      </main>
    </>
  );
}

interface Loaded {
  readonly view: View;
  readonly Content?: ComponentType;
  readonly fault?: string;
}

/** The view's component; the one before is gone at once. */
function useLoaded(view: View): Partial<Loaded> {
  const [loaded, setLoaded] = useState<Loaded>();
  useEffect(() => {
    let isWanted = true;
    view.load().then(
      (module) => isWanted && setLoaded({ view, Content: module.default }),
      (error: Error) => isWanted && setLoaded({ view, fault: error.message }),
    );
    return () => {
      isWanted = false;
    };
  }, [view]);
  return loaded?.view === view ? loaded : {};
}

/** Buttons that copy: a text that is made when asked for, and the address of what is seen. */

import { type ReactNode, useState } from 'react';
import { isWholeInAddress, linkTo, usePlace } from '../router.ts';

interface CopyButtonProps {
  readonly children: ReactNode;
  /** What is copied; it may say in an error why there is nothing to copy. */
  readonly text: () => string | Promise<string>;
}

/** How long it says what it did. */
const SAID_MS = 2000;

export function CopyButton({ children, text }: CopyButtonProps) {
  const [outcome, setOutcome] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(await text());
      setOutcome('copied');
    } catch (error) {
      setOutcome((error as Error).message || 'the browser does not let this page copy');
    }
    setTimeout(() => setOutcome(''), SAID_MS);
  };
  return (
    <>
      <button type="button" className="small" onClick={copy}>
        {children}
      </button>
      <span className="hint" role="status">
        {outcome}
      </span>
    </>
  );
}

/** Copies a link to this view as it is, with its input. */
export function CopyLink() {
  const place = usePlace();
  const link = () => {
    if (!isWholeInAddress(place)) throw new Error('too long for a link');
    return new URL(linkTo(place.view, place.input), window.location.href).href;
  };
  return <CopyButton text={link}>Copy link</CopyButton>;
}

/** A button that asks for a file. */

import { type ReactNode, useRef } from 'react';

interface FileButtonProps {
  readonly children: ReactNode;
  /** What the hidden field is called. */
  readonly label: string;
  readonly onFile: (file: File) => void;
}

export function FileButton({ children, label, onFile }: FileButtonProps) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="small" onClick={() => field.current!.click()}>
        {children}
      </button>
      <input
        ref={field}
        type="file"
        hidden
        aria-label={label}
        onChange={(event) => {
          const file = event.target.files?.[0];
          // The same file can be chosen again.
          event.target.value = '';
          if (file !== undefined) onFile(file);
        }}
      />
    </>
  );
}

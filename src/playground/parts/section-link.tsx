/** “RFC 6455 §5.2”, leading there. */

import { sectionLabel, sectionUrl } from '../../inspector/index.ts';

export function SectionLink({ section, isShort = false }: { section: string; isShort?: boolean }) {
  const label = sectionLabel(section);
  return (
    <a className="section" href={sectionUrl(section)} target="_blank" rel="noreferrer" aria-label={label}>
      {isShort ? label.replace('RFC 6455 ', '') : label}
    </a>
  );
}

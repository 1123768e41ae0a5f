/**
 * References to sections of the RFCs, as the tables of this project write them: `§5.2` for RFC 6455, `RFC 7692 §6.1` for
 * the others.
 */

/** `RFC 6455 §5.2`, whichever of the two forms came in. */
export function sectionLabel(section: string): string {
  return section.startsWith('§') ? `RFC 6455 ${section}` : section;
}

/** Where the section can be read. */
export function sectionUrl(section: string): string {
  const [, rfc, number] = /^RFC (\d+) §(.+)$/.exec(sectionLabel(section))!;
  return `https://www.rfc-editor.org/rfc/rfc${rfc}#section-${number}`;
}

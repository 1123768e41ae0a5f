/** Small pictures. What they say stands beside them as text, or is the label of their button. */

/** A path on a square of 24 by 24. */
const Icon = ({ d }: { readonly d: string }) => (
  <svg viewBox="0 0 24 24" aria-hidden="true" className="icon">
    <path d={d} />
  </svg>
);

export const BackIcon = () => <Icon d="M15 5l-7 7 7 7" />;
export const PeopleIcon = () => (
  <Icon d="M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21v-1a6 6 0 0 1 6-6h2a6 6 0 0 1 6 6v1M16 3.5a4 4 0 0 1 0 7M18 14.5a6 6 0 0 1 4 5.5v1" />
);
export const PlusIcon = () => <Icon d="M12 5v14M5 12h14" />;
export const SendIcon = () => <Icon d="M4 12h15M13 6l6 6-6 6" />;
export const DownIcon = () => <Icon d="M12 5v14M6 13l6 6 6-6" />;
export const ClockIcon = () => <Icon d="M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2" />;
export const DoorIcon = () => <Icon d="M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9" />;

export const Logo = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true" className="logo">
    <path d="M6 3h20a4 4 0 0 1 4 4v13a4 4 0 0 1-4 4H14l-7 6v-6H6a4 4 0 0 1-4-4V7a4 4 0 0 1 4-4z" />
  </svg>
);

/** The same colour for a user everywhere. */
export function Avatar({ user, name }: { readonly user: string; readonly name: string }) {
  const hue = [...user].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 360, 7);
  const initials = name.split(/[\s._-]+/).flatMap(([first]) => first ?? []);
  return (
    <span className="avatar" aria-hidden="true" style={{ background: `hsl(${hue} 42% 36%)` }}>
      {(initials.length > 1 ? `${initials[0]}${initials.at(-1)}` : name.slice(0, 2)).toUpperCase()}
    </span>
  );
}

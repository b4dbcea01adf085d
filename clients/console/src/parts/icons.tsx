// The few pictures of the console. All are decoration: the word stands beside each, or in its button's label.

import type { ReactNode } from 'react';

function Icon({ children }: { readonly children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

const drawn = (path: string) =>
  function Drawn() {
    return (
      <Icon>
        <path d={path} />
      </Icon>
    );
  };

export const OverviewIcon = drawn('M4 19V11M10 19V5M16 19v-6M21 19H3');
export const FindIcon = drawn('M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.3 15.3 20 20');
export const OrphansIcon = drawn(
  'M12 8v5M12 16.5v.1M10.3 4.2 2.9 17a2 2 0 0 0 1.7 3h14.8a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0Z',
);
export const NamespacesIcon = drawn('M4 5h6v5H4zM14 14h6v5h-6zM7 10v6.5h7');
export const PurgeIcon = drawn('M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3');
export const AuditIcon = drawn('M12 3 5 6v5c0 4.5 3 8 7 10 4-2 7-5.5 7-10V6l-7-3ZM9 12l2 2 4-4');
export const TailIcon = drawn('M3 12h4l3-7 4 14 3-7h4');
export const SunIcon = drawn(
  'M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.4 1.4M17.6 17.6 19 19M19 5l-1.4 1.4M6.4 17.6 5 19',
);
export const MoonIcon = drawn('M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z');
export const MenuIcon = drawn('M4 7h16M4 12h16M4 17h16');

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path d="M11 9.5 16.5 7v18M11.5 25h10" />
    </svg>
  );
}

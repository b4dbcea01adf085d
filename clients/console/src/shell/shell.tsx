// Around every page: where one can go, which namespace is shown, who is signed in.

import { Button, useMantineColorScheme, useComputedColorScheme } from '@mantine/core';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { navigate, usePathname } from 'wouter/use-browser-location';
import { pathTo } from '../hooks/use-parameters.ts';
import { Empty } from '../parts/empty.tsx';
import { Go } from '../parts/go.tsx';
import { Mark, MenuIcon, MoonIcon, SunIcon } from '../parts/icons.tsx';
import { Page } from '../parts/page.tsx';
import { TroubleNotice } from '../parts/trouble-notice.tsx';
import { useSession } from '../session/session.tsx';
import { usePermissions } from '../session/use-permissions.ts';
import { Boundary } from './boundary.tsx';
import { Navigation } from './navigation.tsx';
import { PAGES, viewAt } from './pages.ts';
import { ScopeField, useScope } from './scope.tsx';
import { useShortcuts, type Shortcuts } from './shortcuts.ts';

const Help = lazy(async () => import('./help.tsx'));

export function Shell() {
  const path = usePathname();
  const scope = useScope();
  const main = useRef<HTMLElement>(null);
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const [isMenuOpen, setIsMenuOpen] = useState(false);
  const toggleTheme = useThemeToggle();
  const go = (to: string): void => navigate(pathTo(to, { namespace: scope }));
  const pageShortcuts: Shortcuts = Object.fromEntries(PAGES.map((page) => [`g ${page.letter}`, () => go(page.path)]));
  useShortcuts({
    ...pageShortcuts,
    '/': () => navigate(pathTo('/find', { namespace: scope, focus: 'key' })),
    '?': () => setIsHelpOpen(true),
    t: toggleTheme.run,
  });

  // Who listens to the page instead of seeing it is told that it is another one.
  useEffect(() => {
    setIsMenuOpen(false);
    // Unless the page has put the cursor somewhere itself.
    if (main.current?.contains(document.activeElement) !== true) main.current?.focus();
  }, [path]);
  const View = viewAt(path) ?? NotHere;
  return (
    <div className="shell" data-menu={isMenuOpen ? 'open' : 'closed'}>
      <header className="bar">
        <button
          type="button"
          className="menu-button"
          aria-label="Menu"
          aria-expanded={isMenuOpen}
          onClick={() => setIsMenuOpen((isOpen) => !isOpen)}
        >
          <MenuIcon />
        </button>
        <Go className="brand" to="/" parameters={{ namespace: scope }}>
          <Mark />
          <span>Onced</span>
        </Go>
        <ScopeField />
        <div className="bar-end">
          <Button
            size="compact-sm"
            variant="subtle"
            onClick={() => setIsHelpOpen(true)}
            aria-label="Keyboard shortcuts"
          >
            ?
          </Button>
          <Button size="compact-sm" variant="subtle" onClick={toggleTheme.run} aria-label={toggleTheme.label}>
            {toggleTheme.isDark ? <SunIcon /> : <MoonIcon />}
          </Button>
          <SignedIn />
        </div>
      </header>
      <Navigation path={path} />
      <main ref={main} tabIndex={-1}>
        <ScopeTrouble scope={scope} />
        <Boundary key={path}>
          <Suspense fallback={<p className="dim page">Loading …</p>}>
            <View />
          </Suspense>
        </Boundary>
      </main>
      {isHelpOpen && (
        <Suspense>
          <Help onClose={() => setIsHelpOpen(false)} />
        </Suspense>
      )}
    </div>
  );
}

/** A namespace that is none: no page could show anything of it. */
function ScopeTrouble({ scope }: { readonly scope: string }) {
  const { trouble } = usePermissions(scope);
  if (trouble?.reason !== 'INVALID_FIELD') return null;
  return (
    <div className="page-notice">
      <TroubleNotice trouble={trouble} />
    </div>
  );
}

function SignedIn() {
  const { caller, isAnonymous, signOut } = useSession();
  if (isAnonymous) return <span className="who dim">no sign-in needed</span>;
  return (
    <>
      <span className="who" title={caller.grants.map(({ namespacePattern }) => namespacePattern).join(', ')}>
        {caller.name}
      </span>
      <Button size="compact-sm" variant="default" onClick={signOut}>
        Sign out
      </Button>
    </>
  );
}

function useThemeToggle(): { readonly run: () => void; readonly isDark: boolean; readonly label: string } {
  // To hold transitions still meanwhile the library would add a style element, which the page's policy forbids.
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const isDark = useComputedColorScheme('light') === 'dark';
  return {
    run: () => setColorScheme(isDark ? 'light' : 'dark'),
    isDark,
    label: isDark ? 'Light theme' : 'Dark theme',
  };
}

function NotHere() {
  return (
    <Page title="Nothing here">
      <Empty title="The console has no such page.">
        <p>The pages stand in the menu; the ? key lists the shortcuts to them.</p>
      </Empty>
    </Page>
  );
}

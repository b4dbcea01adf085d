// Every page: its path, its name, the letter that leads to it after g, and how its code is loaded, when it is first shown.

import { lazy, type ComponentType } from 'react';
import {
  AuditIcon,
  FindIcon,
  NamespacesIcon,
  OrphansIcon,
  OverviewIcon,
  PurgeIcon,
  TailIcon,
} from '../parts/icons.tsx';

export interface PageEntry {
  readonly path: string;
  readonly name: string;
  readonly letter: string;
  readonly Icon: ComponentType;
  readonly View: ComponentType;
}

/** In the order of the menu. */
export const PAGES: readonly PageEntry[] = [
  {
    path: '/',
    name: 'Overview',
    letter: 'v',
    Icon: OverviewIcon,
    View: lazy(async () => import('../pages/overview/page.tsx')),
  },
  {
    path: '/find',
    name: 'Find',
    letter: 'f',
    Icon: FindIcon,
    View: lazy(async () => import('../pages/find/page.tsx')),
  },
  {
    path: '/orphans',
    name: 'Orphans',
    letter: 'o',
    Icon: OrphansIcon,
    View: lazy(async () => import('../pages/orphans/page.tsx')),
  },
  {
    path: '/namespaces',
    name: 'Namespaces',
    letter: 'n',
    Icon: NamespacesIcon,
    View: lazy(async () => import('../pages/namespaces/page.tsx')),
  },
  {
    path: '/tail',
    name: 'Live tail',
    letter: 't',
    Icon: TailIcon,
    View: lazy(async () => import('../pages/tail/page.tsx')),
  },
  {
    path: '/audit',
    name: 'Audit',
    letter: 'a',
    Icon: AuditIcon,
    View: lazy(async () => import('../pages/audit/page.tsx')),
  },
  {
    path: '/purge',
    name: 'Purge',
    letter: 'p',
    Icon: PurgeIcon,
    View: lazy(async () => import('../pages/purge/page.tsx')),
  },
];

/** Reached from lists, not from the menu. */
const IntentView = lazy(async () => import('../pages/intent/page.tsx'));

export const viewAt = (path: string): ComponentType | undefined =>
  path === '/intent' ? IntentView : PAGES.find((page) => page.path === path)?.View;

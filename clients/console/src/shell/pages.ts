// Every page: its path, its name, the letter that leads to it after g, and how its code is loaded, when it is first shown.

import { lazy, type ComponentType } from 'react';
import { OverviewIcon } from '../parts/icons.tsx';

export interface PageEntry {
  readonly path: string;
  readonly name: string;
  readonly letter: string;
  readonly Icon: ComponentType;
  readonly View: ComponentType;
}

export const PAGES: readonly PageEntry[] = [
  {
    path: '/',
    name: 'Overview',
    letter: 'v',
    Icon: OverviewIcon,
    View: lazy(async () => import('../pages/overview/page.tsx')),
  },
];

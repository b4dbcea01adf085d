// Where the console begins.

import { MantineProvider } from '@mantine/core';
import { createRoot } from 'react-dom/client';
import { SessionGate } from './session/session.tsx';
import { Shell } from './shell/shell.tsx';
import './styles/index.css';

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');
createRoot(root).render(
  // Colours and sizes are set in styles/: the library would write them into the page as style elements, and the page's
  // policy forbids those.
  <MantineProvider defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
    <SessionGate>
      <Shell />
    </SessionGate>
  </MantineProvider>,
);

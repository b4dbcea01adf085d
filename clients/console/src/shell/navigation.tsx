// The pages to go to, and how the server is.

import { Go } from '../parts/go.tsx';
import { useSession } from '../session/session.tsx';
import { PAGES } from './pages.ts';
import { useScope } from './scope.tsx';

export function Navigation({ path }: { readonly path: string }) {
  const scope = useScope();
  const { info } = useSession();
  return (
    <nav className="navigation" aria-label="Pages">
      <ul>
        {PAGES.map(({ path: target, name, letter, Icon }) => (
          <li key={target}>
            <Go to={target} parameters={{ namespace: scope }} aria-current={target === path ? 'page' : undefined}>
              <Icon />
              <span>{name}</span>
              <kbd aria-hidden="true">g {letter}</kbd>
            </Go>
          </li>
        ))}
      </ul>
      <div className="server-facts">
        <p>
          Onced {info.version}
          <br />
          {info.store} · {info.tier}
        </p>
        <p title="What survives once a call was answered">{info.acknowledged}</p>
      </div>
    </nav>
  );
}

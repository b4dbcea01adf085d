// A list with nothing in it: why, and what to try.

import type { ReactNode } from 'react';
import { Command } from './command.tsx';

interface EmptyProps {
  readonly title: string;
  readonly children?: ReactNode;
  readonly commands?: readonly string[];
}

export function Empty({ title, children, commands = [] }: EmptyProps) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
      {commands.map((command) => (
        <Command key={command} text={command} />
      ))}
    </div>
  );
}

// A page that fails says so and leaves the rest standing.

import { Button } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { Empty } from '../parts/empty.tsx';

interface BoundaryState {
  readonly failure: string | undefined;
}

export class Boundary extends Component<{ readonly children: ReactNode }, BoundaryState> {
  override state: BoundaryState = { failure: undefined };

  static getDerivedStateFromError(error: unknown): BoundaryState {
    return { failure: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.failure === undefined) return this.props.children;
    return (
      <Empty title="This page has failed: a bug of the console.">
        <p>
          Nothing was changed on the server. Reload to go on; if it fails again, report{' '}
          <code>{this.state.failure}</code>.
        </p>
        <Button variant="default" onClick={() => globalThis.location.reload()}>
          Reload
        </Button>
      </Empty>
    );
  }
}

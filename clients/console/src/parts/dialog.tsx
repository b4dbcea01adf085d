// A dialog over the page.

import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';

interface DialogProps {
  readonly title: string;
  readonly size?: 'md' | 'lg';
  /** What was written in it would be lost by a click beside it. */
  readonly isKept?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ title, size = 'md', isKept = false, onClose, children }: DialogProps) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size}
      classNames={{ content: 'dialog', header: 'dialog', title: 'dialog-title' }}
      // The library would write a style element to lock the page's scrolling; the page's policy forbids those.
      lockScroll={false}
      closeOnClickOutside={!isKept}
      closeButtonProps={{ 'aria-label': 'Close' }}
      // Its header is not that of the page.
      attributes={{ header: { role: 'presentation' } }}
    >
      {children}
    </Modal>
  );
}

// A command to try in a terminal, with a button that copies it.

import { Button } from '@mantine/core';
import { useState } from 'react';

export function Command({ text }: { readonly text: string }) {
  const [isCopied, setIsCopied] = useState(false);
  const copy = (): void => {
    // Browsers lend the clipboard to pages on HTTPS and loopback only; there the text can still be selected.
    void navigator.clipboard?.writeText(text).then(
      () => setIsCopied(true),
      () => undefined,
    );
  };
  return (
    <div className="command">
      <code>{text}</code>
      <Button size="compact-xs" variant="default" onClick={copy} aria-label={`Copy: ${text}`}>
        {isCopied ? 'Copied' : 'Copy'}
      </Button>
    </div>
  );
}

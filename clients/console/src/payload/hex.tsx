// Bytes as a hex dump; only the lines in view are in the page.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';

const LINE_BYTES = 16;
const LINE_PX = 20;

export function Hex({ bytes }: { readonly bytes: Uint8Array }) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: Math.ceil(bytes.length / LINE_BYTES),
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 10,
  });
  return (
    <div ref={box} className="payload-box hex" tabIndex={0} role="group" aria-label="Bytes in hex">
      <div className="hex-lines" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <div key={index} className="hex-line" style={{ transform: `translateY(${start}px)` }}>
            {lineOf(bytes, index * LINE_BYTES)}
          </div>
        ))}
      </div>
    </div>
  );
}

function lineOf(bytes: Uint8Array, start: number): string {
  const line = [...bytes.subarray(start, start + LINE_BYTES)];
  const hex = line.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
  return `${start.toString(16).padStart(8, '0')}  ${hex.padEnd(LINE_BYTES * 3 - 1)}  ${text}`;
}

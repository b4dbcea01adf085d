// Bytes as a broken or hostile sender would leave them.

import type { Random } from '../model/random.ts';

const EXTREMES = [0x00, 0x01, 0x7f, 0x80, 0xff];

/** One to four changes: flipped bits, extreme bytes, parts cut out, doubled, or filled in. */
export function mutated(random: Random, original: Uint8Array): Buffer {
  let bytes = Buffer.from(original);
  for (let changes = random.between(1, 4); changes > 0; changes -= 1) {
    const at = random.between(0, Math.max(0, bytes.length - 1));
    const end = Math.min(bytes.length, at + random.between(1, 8));
    switch (random.between(0, 5)) {
      case 0:
        if (bytes.length > 0) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.between(0, 7)), at);
        break;
      case 1:
        if (bytes.length > 0) bytes.writeUInt8(random.pick(EXTREMES), at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), noise(random, 8), bytes.subarray(at)]);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return bytes;
}

export const noise = (random: Random, bytesMax: number): Buffer =>
  Buffer.from(random.hex(2 * random.between(1, bytesMax)), 'hex');

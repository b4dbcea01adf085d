// Counts and sizes for people.

const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const showCount = (count: bigint | number): string => COUNT.format(count);

export const plural = (count: bigint | number, one: string, many = `${one}s`): string =>
  `${showCount(count)} ${Number(count) === 1 ? one : many}`;

/** Small figures keep a digit, so that 0.4 a second is not shown as none. */
export const showRate = (perSecond: number): string =>
  perSecond === 0 || perSecond >= 10 ? showCount(Math.round(perSecond)) : perSecond.toFixed(1);

export const showShare = (share: number): string => `${Number((share * 100).toFixed(share < 0.1 ? 2 : 1))} %`;

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

export function showBytes(bytes: bigint | number): string {
  let [size, unit] = [Number(bytes), 0];
  while (size >= 1024 && unit < UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  const name = size === 1 && unit === 0 ? 'byte' : (UNITS[unit] ?? '');
  return `${unit === 0 ? size : Number(size.toFixed(size < 10 ? 1 : 0))} ${name}`;
}

// Releases of Node whose HTTP/2 a stranger can stop or exhaust are warned of at the start (RELIABILITY.md 6.1, row 8).

/** The first release of each line without those holes. */
const SAFE: ReadonlyMap<number, readonly [minor: number, patch: number]> = new Map([
  [20, [20, 2]],
  [22, [22, 2]],
  [24, [14, 1]],
]);

/** What is wrong with running on this version of Node; undefined when nothing is known. */
export function nodeTrouble(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number);
  const safe = SAFE.get(major);
  if (safe === undefined || minor > safe[0] || (minor === safe[0] && patch >= safe[1])) return undefined;
  return `Node ${version} has known holes in HTTP/2 that let a stranger stop the server: update to ${major}.${safe.join('.')} or later`;
}

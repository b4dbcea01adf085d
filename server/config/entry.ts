/** One row of `onced config`. */
export interface ConfigEntry {
  readonly name: string;
  /** Fit to be shown: secrets are left out. */
  readonly value: string;
  readonly source: 'flag' | 'environment' | 'file' | 'default';
  /** The flag, the variable, or file and line; empty for a default. */
  readonly where: string;
}

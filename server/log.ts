import { hash } from 'node:crypto';
export const keyHash = (key: string): string => hash('sha256', key).slice(0, 12);

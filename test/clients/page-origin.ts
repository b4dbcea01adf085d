/** Of the pages that drive.ts lets call the server. Nothing listens there: the browser's runner serves it within the browser. */
export const PAGE_ORIGIN = 'http://page.onced.test';

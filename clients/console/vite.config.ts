import { defineConfig } from 'vite';

export default defineConfig({
  // The console is served at the root of the HTTP listener.
  base: '/',
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    // Nothing inline: the page's policy forbids data: scripts and fonts.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      onwarn(warning, warn) {
        // "use client" at the head of a library's modules means something to other frameworks only.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
});

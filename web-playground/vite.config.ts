import { defineConfig } from 'vite';

export default defineConfig({
  // Relative addresses: the server may put the page at any path.
  base: './',
  // Two copies of `graphql` fail with "another module or realm"; two of Monaco share no language.
  resolve: { dedupe: ['graphql', 'react', 'react-dom', 'monaco-editor'] },
  worker: { format: 'es' },
  // The dev server doesn't look into workers, where these CommonJS packages would arrive unconverted.
  optimizeDeps: { include: ['monaco-graphql > graphql-language-service', 'monaco-graphql > picomatch-browser'] },
  // The examples lie beside this folder, where the documentation and other clients find them too.
  server: {
    fs: { allow: ['..'] },
    proxy: { '/graphql': { target: 'http://127.0.0.1:4000', ws: true } },
  },
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    // The editor is large by nature.
    chunkSizeWarningLimit: 5000,
    // Two pages: GraphiQL, and the pipeline, which needs no editor.
    rolldownOptions: {
      input: ['index.html', 'pipeline.html'],
      // "use client" in the dependencies is meant for servers that render; here it says nothing.
      checks: { moduleLevelDirective: false },
    },
    license: { fileName: 'licenses.md' },
  },
});

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** Where millrace serves. */
const MILLRACE = process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000';
/** The page needs nothing but what it comes with, and the API beside it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const clients = (file) => fileURLToPath(new URL(`../../clients/src/${file}`, import.meta.url));

/** Anybody can type or link to a lone `%`. vite answers what it cannot decode with nothing; the page has words for it. */
function readsMalformedPaths() {
  const handle = (request, _response, next) => {
    if (isMalformed(request.url)) request.url = '/';
    next();
  };
  const use = ({ middlewares }) => void middlewares.use(handle);
  return { name: 'reads-malformed-paths', configureServer: use, configurePreviewServer: use };
}

function isMalformed(address) {
  try {
    decodeURIComponent(address.split('?')[0]);
    return false;
  } catch {
    return true;
  }
}

export default defineConfig({
  plugins: [readsMalformedPaths()],
  resolve: {
    alias: [
      { find: /^@millrace\/client$/, replacement: clients('index.ts') },
      { find: /^@millrace\/client\/apollo$/, replacement: clients('apollo/index.ts') },
    ],
    // clients/ may have copies of its own, for its tests.
    dedupe: ['@apollo/client', 'graphql', 'rxjs'],
  },
  server: {
    fs: { allow: ['../..'] },
    proxy: { '/graphql': { target: MILLRACE, ws: true }, '/demo/pictures': MILLRACE },
  },
  preview: { headers: { 'content-security-policy': POLICY } },
  // A third of it are the operations, each with all of its fragments: large, but much the same, so little when compressed.
  build: { target: 'es2023', modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700 },
});

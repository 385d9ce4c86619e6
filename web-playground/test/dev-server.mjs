// A stand-in for millrace, for work on the playground alone: a few fields of its schema over lists in memory. It proves nothing
// about millrace; the tests that count run against the real server. Start: node test/dev-server.mjs [port]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute, subscribe, GraphQLError } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { createCommunity, schema } from './dev-schema.mjs';

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.ttf': 'font/ttf', '.md': 'text/markdown' };

const community = createCommunity();
const contextOf = (authorization) => ({ viewer: community.viewerOf(authorization) });

const graphql = createHandler({
  schema,
  rootValue: community.root,
  context: (request) => contextOf(request.headers.authorization),
});

const server = createServer((request, response) => {
  if (request.url.startsWith('/graphql')) return graphql(request, response);
  return sendFile(request.url, response);
});

async function sendFile(url, response) {
  const path = normalize(url.split('?')[0]);
  const file = path === '/' ? 'dist/index.html' : join('dist', path);
  try {
    const body = await readFile(join(FOLDER, file));
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': CSP,
      'x-content-type-options': 'nosniff',
      'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(body);
  } catch {
    response.writeHead(404).end('not found');
  }
}

useServer(
  {
    schema,
    roots: { subscription: community.root },
    execute,
    subscribe,
    context: ({ connectionParams }) => contextOf(connectionParams?.Authorization),
    onError: (_context, _id, _payload, errors) => errors.map((error) => (error instanceof GraphQLError ? error : new GraphQLError(error.message))),
  },
  new WebSocketServer({ server, path: '/graphql' }),
);

server.listen(Number(process.argv[2] ?? 4000), '127.0.0.1', () => {
  console.log(`stand-in for millrace at http://127.0.0.1:${server.address().port}/`);
});

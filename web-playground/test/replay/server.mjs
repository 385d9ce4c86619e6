// Stands in for millrace where the page itself is tried: the built page with the server's own policy, and answers that were made up.
// What the page does on a real server, `test/pipeline.mjs` shows.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { busy, lags } from './samples.mjs';

const DIST = new URL('../../dist/', import.meta.url).pathname;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.ttf': 'font/ttf', '.md': 'text/markdown' };
/** As in src/http/playground.rs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const SAMPLE_MS = 1000;
const FOLLOW_MS = 60;
const COMMAND_MS = 24;
export const COMMAND_ID = opaque(64);
export const FOREIGN_COMMAND_ID = opaque(64, 7);
export const POST_ID = opaque(2);
const COMMENT_ID = opaque(3);

/** An id as the server makes them: its type, then a UUID v7. */
export function opaque(type, last = 1) {
  const bytes = Buffer.alloc(17, last);
  bytes[0] = type;
  bytes.writeUIntBE(Date.UTC(2026, 10, 26, 12), 1, 6);
  return bytes.toString('base64url');
}

/** Serves the page. `scene` makes each sample; `isDown` and `isClosed` have the feed cut or refused. */
export async function startReplay() {
  const replay = { scene: busy, isDown: false, isClosed: false, seen: [], streams: new Set(), comments: new Set() };
  const http = createServer((request, response) => void answer(replay, request, response));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  replay.url = `http://127.0.0.1:${http.address().port}/`;
  replay.cut = () => replay.streams.forEach((stream) => stream.destroy());
  replay.stop = () => (http.closeAllConnections(), http.close());
  return replay;
}

async function answer(replay, request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname !== '/graphql') return file(pathname, response);
  if (replay.isDown) return request.destroy();
  let body = '';
  for await (const chunk of request) body += chunk;
  const operation = JSON.parse(body);
  replay.seen.push({ ...operation, accept: request.headers.accept, authorization: request.headers.authorization });
  if (request.headers.accept.includes('text/event-stream')) return stream(replay, operation, response);
  json(response, 200, { data: data(replay, operation), extensions: { millrace: { cache: 'hit', lagMs: 34 } } });
}

async function file(pathname, response) {
  const name = { '/': 'index.html', '/pipeline': 'pipeline.html' }[pathname] ?? pathname.slice(1);
  const path = join(DIST, name);
  const isFile = await stat(path).then((found) => found.isFile(), () => false);
  if (!path.startsWith(DIST) || !isFile) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain', 'content-security-policy': POLICY });
  createReadStream(path).pipe(response);
}

function json(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

const nameOf = ({ query }) => /(?:query|mutation|subscription)\s+(\w+)/.exec(query)?.[1];

const SESSION = { accessToken: 'token', expiresAt: '2099-01-01T00:00:00Z' };

function data(replay, operation) {
  const answers = {
    SignIn: () => ({ signIn: { session: SESSION, user: { fullName: 'Demo' }, errors: [] } }),
    PipelineLags: () => ({ pipelineLags: lags(Date.now()) }),
    NewestPost: () => ({ posts: { nodes: [{ id: POST_ID, title: 'A post' }] } }),
    TryIt: () => comment(replay),
    TakeBack: () => ({ deleteComment: { errors: [] } }),
    Command: ({ id }) => ({ commandStatus: id === COMMAND_ID ? status('VISIBLE') : null }),
    Node: ({ id }) => ({ node: id === POST_ID ? node() : null }),
  };
  return answers[nameOf(operation)](operation.variables ?? {});
}

function comment(replay) {
  replay.decidedAt = new Date().toISOString();
  setTimeout(() => replay.comments.forEach((tell) => tell(COMMAND_ID)), COMMAND_MS);
  return { addComment: { receipt: { commandId: COMMAND_ID, aggregateId: COMMENT_ID, accepted: true }, errors: [] } };
}

const node = () => ({ __typename: 'Post', id: POST_ID, version: 3, revision: '119950', createdAt: '2026-11-26T12:00:00Z', title: 'A post' });

function status(state, decidedAt = '2026-11-26T12:00:01Z') {
  const of = (name, receivedMs, visibleMs) => ({ name, state, position: '120021', receivedMs, visibleMs });
  const isVisible = state === 'VISIBLE';
  const projections = [of('people', 9.1, null), of('content', 9.4, isVisible ? 17.8 : null), of('shop', 9.2, null), of('commands', 9.7, isVisible ? 14.2 : null)];
  return { id: COMMAND_ID, state, firstPosition: '120020', lastPosition: '120021', decidedAt, aggregateId: COMMENT_ID, streamedMs: 7.6, projections };
}

function stream(replay, operation, response) {
  const name = nameOf(operation);
  if (name === 'Pipeline' && replay.isClosed) {
    return json(response, 403, { errors: [{ message: 'This is not for you to see', extensions: { code: 'FORBIDDEN' } }] });
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(':\n\n');
  replay.streams.add(response);
  const next = (value) => response.write(`event: next\ndata: ${JSON.stringify({ data: value })}\n\n`);
  const complete = () => response.end('event: complete\ndata:\n\n');
  const stop = { Pipeline: samples, Comments: comments, Progress: progress }[name](replay, next, complete);
  response.on('close', () => (replay.streams.delete(response), stop()));
}

function samples(replay, next) {
  const tell = () => replay.scene && next({ pipeline: replay.scene(Math.floor(Date.now() / SAMPLE_MS) % 100_000, new Date().toISOString()) });
  tell();
  const timer = setInterval(tell, SAMPLE_MS);
  return () => clearInterval(timer);
}

function comments(replay, next) {
  const tell = (commandId) => next({ commentAdded: { __typename: 'CommentAdded', cursor: '2', commandId } });
  next({ commentAdded: { __typename: 'CommentsSnapshot', cursor: '1', commandId: null } });
  replay.comments.add(tell);
  return () => replay.comments.delete(tell);
}

function progress(replay, next, complete) {
  next({ commandProgress: status('STREAMED', replay.decidedAt) });
  const timer = setTimeout(() => (next({ commandProgress: status('VISIBLE', replay.decidedAt) }), complete()), FOLLOW_MS);
  return () => clearTimeout(timer);
}

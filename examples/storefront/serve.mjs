// Serves the built storefront in front of a millrace: of the one that runs, or else of one that this starts with `make run`.
import { spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { preview } from 'vite';

const MILLRACE = process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000';
const PORT = Number(process.env.STOREFRONT_PORT ?? 4020);
const PROJECT = new URL('../..', import.meta.url);
const LOOK_AGAIN_MS = 500;

async function answers() {
  const question = new URL('/graphql?query=%7B__typename%7D', MILLRACE);
  return fetch(question, { headers: { accept: 'application/json' } }).then(({ ok }) => ok, () => false);
}

/** Starts a millrace and waits until it answers. It shares our terminal, so Ctrl-C stops it, too. */
async function startMillrace() {
  console.log(`nobody answers at ${MILLRACE}: starting millrace`);
  const millrace = spawn('make', ['run'], { cwd: PROJECT, stdio: 'inherit' });
  millrace.once('exit', (code) => process.exit(code ?? 1));
  // It goes down by itself at Ctrl-C; meanwhile its last words are to be seen.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => millrace.kill());
  while (!(await answers())) await setTimeout(LOOK_AGAIN_MS);
}

if (!(await answers())) {
  if (process.env.MILLRACE_URL) {
    console.error(`nobody answers at ${MILLRACE}: start millrace there, or leave MILLRACE_URL out and one is started here`);
    process.exit(1);
  }
  await startMillrace();
}
const server = await preview({ root: new URL('.', import.meta.url).pathname, logLevel: 'warn', preview: { host: '127.0.0.1', port: PORT, strictPort: true } });
console.log(`\n  Storefront  ${server.resolvedUrls.local[0]}\n`);

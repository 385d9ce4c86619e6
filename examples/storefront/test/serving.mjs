// The server of the built page as `make storefront` starts it, in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const ROOT = new URL('..', import.meta.url);
const ADDRESS = /Storefront\s+(http:\S+)/;

/** Starts it in front of the millrace at this address, on a port that is free. */
export function start(millrace, stderr = 'inherit') {
  const env = { ...process.env, MILLRACE_URL: millrace, STOREFRONT_PORT: '0' };
  return spawn(process.execPath, ['serve.mjs'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', stderr] });
}

/** Starts it and waits until it serves. */
export async function serve(millrace) {
  const server = start(millrace);
  const ended = once(server, 'exit');
  const stop = async () => (server.kill(), await ended);
  for await (const line of createInterface({ input: server.stdout })) {
    const url = ADDRESS.exec(line)?.[1];
    if (url) return { url, stop };
  }
  throw new Error(`the storefront's server ended: ${(await ended).join(' ')}`);
}

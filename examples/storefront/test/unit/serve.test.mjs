// The server of the built page where no millrace answers. In front of one, `test/storefront.mjs` uses it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { start } from '../serving.mjs';

/** An address at which nobody listens any more. */
async function deserted() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

test('where nobody answers at the address that was named, it says what to do', async () => {
  const millrace = await deserted();
  const server = start(millrace, 'pipe');
  const [said, [code]] = await Promise.all([text(server.stderr), once(server, 'exit')]);
  assert.equal(code, 1);
  assert.equal(said, `nobody answers at ${millrace}: start millrace there, or leave MILLRACE_URL out and one is started here\n`);
});

// What scripts that use a page have in common: waiting, telling, pictures, and asking for another start of the server.
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline/promises';

/** The longest wait for anything the page or the server does. */
export const WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 25;
const SCREENSHOTS = process.env.SCREENSHOTS;

/** Waits until `read()` gives something that passes `isThere`; the last value is in the error otherwise. */
export async function until(what, read, isThere) {
  const end = Date.now() + WAIT_MS;
  let value;
  while (Date.now() < end) {
    value = await read();
    if (isThere(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  assert.fail(`${what} did not come in ${WAIT_MS} ms; last: ${JSON.stringify(value)}`);
}

/** Runs a check and tells how it went. */
export async function told(name, check) {
  const startedMs = Date.now();
  await check().catch((error) => {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  });
  console.log(`ok  ${name} (${Date.now() - startedMs} ms)`);
}

/** Keeps a picture of a page, where SCREENSHOTS says. */
export const shot = (name) => async (page) => SCREENSHOTS && page.screenshot({ path: `${SCREENSHOTS}/${name}.png` });

/** Runs steps on one page, one after the other: none may leave anything among the offences. */
export async function follow(page, offences, steps) {
  for (const [name, step] of Object.entries(steps)) {
    await told(name, async () => {
      await step(page, (picture) => shot(picture)(page)).catch(async (error) => {
        await shot('failed')(page);
        throw new Error(`${error.message}; the page reported: ${offences.join('; ') || 'nothing'}`, { cause: error });
      });
      assert.deepEqual(offences, []);
    });
  }
}

/** Has whoever runs the script start the server anew; over when it serves again. */
export async function restart() {
  const lines = createInterface({ input: process.stdin });
  console.log('restart');
  await new Promise((resolve) => lines.once('line', resolve));
  lines.close();
}

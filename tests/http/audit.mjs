// The audit of GraphQL over HTTP (npm graphql-http), on the endpoint that is named. One line for each audit; it ends well if
// everything that MUST or SHOULD be is so. What a server MAY do is shown, and judged by nobody.
import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);
const LEVELS = ['MUST', 'SHOULD', 'MAY'];
const counts = Object.fromEntries(LEVELS.map((level) => [level, { ok: 0, not: 0 }]));

for (const audit of serverAudits({ url })) {
  const level = LEVELS.find((level) => audit.name.startsWith(level));
  if (!level) throw new Error(`an audit of no level: ${audit.name}`);
  const result = await audit.fn();
  const isOk = result.status === 'ok';
  counts[level][isOk ? 'ok' : 'not'] += 1;
  console.log(`${isOk ? 'ok ' : 'NOT'} ${audit.id} ${audit.name}${isOk ? '' : `: ${result.reason}`}`);
}
for (const level of LEVELS) console.log(`${level}: ${counts[level].ok} ok, ${counts[level].not} not`);
// An audit that asks nothing says nothing.
const wasAsked = counts.MUST.ok > 0 && counts.SHOULD.ok > 0;
process.exit(wasAsked && counts.MUST.not + counts.SHOULD.not === 0 ? 0 : 1);

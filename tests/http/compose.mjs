// A compose file against the schema of the Compose Specification, which comes with dclint: `FILE`. Docker itself is not needed.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import { parse } from 'yaml';

const SCHEMA = new URL('./node_modules/dclint/schemas/compose.schema.json', import.meta.url);

const { $schema: _, ...schema } = JSON.parse(readFileSync(SCHEMA, 'utf8'));
const isValid = new Ajv({ strict: false, allErrors: true }).compile(schema);
if (isValid(parse(readFileSync(process.argv[2], 'utf8'), { merge: true }))) {
  console.log('a compose file by its schema');
} else {
  for (const error of isValid.errors) console.log(`${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`);
  process.exitCode = 1;
}

/** docs/schema/: a JSON Schema for what each command prints with --json. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { OUTPUTS } from '../cli/json.js';
import { JSON_VERSION } from '../cli/output.js';

/** File names, each with its text. */
export function schemaFiles(): Map<string, string> {
  return new Map(Object.keys(OUTPUTS).map((name) => [`${name}.json`, schemaOf(name as keyof typeof OUTPUTS)]));
}

/** Fields may be added to any object at any time, so none is closed. */
function schemaOf(name: keyof typeof OUTPUTS): string {
  const { $schema, ...shape } = toJsonSchema(OUTPUTS[name]);
  const schema = {
    $schema,
    $id: `p2p-${name}-v${JSON_VERSION}`,
    title: `p2p ${name} --json, version ${JSON_VERSION}`,
    allOf: [{ type: 'object', properties: { version: { const: JSON_VERSION } }, required: ['version'] }, shape],
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

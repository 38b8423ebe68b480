import openapiTS, { astToString } from 'openapi-typescript'
import { createDocument, operationsOf } from './programs.ts'

/** Callers of the service and gateways need no client. */
const OTHERS: ReadonlySet<string> = new Set(['Service', 'Gateways'])

/** Members of the document that no type needs; problems are thrown. */
const LEFT_OUT: ReadonlySet<string> = new Set(['example', 'examples', 'headers'])

const HEADER = `// Types of the API, from its OpenAPI document: \`pnpm run reference\` writes them.
/* oxlint-disable */
`

/** Returns the types of the client: every operation that programs call, with the responses that are not problems. */
export async function clientTypes(): Promise<string> {
  const operations = operationsOf({ sendsWebhooks: true, readsGateways: true })
  const called = operations.filter(({ tag }) => !OTHERS.has(tag))
  const api = { needsKey: false, isLimited: false, sendsWebhooks: true }
  // The version of a release changes no type.
  const document = createDocument(called, '1', api)
  const text = JSON.stringify(document, (name, value: unknown) =>
    LEFT_OUT.has(name) || /^[345]\d\d$/.test(name) ? undefined : value,
  )
  const options = { alphabetize: true, immutable: true, rootTypes: true, rootTypesNoSchemaPrefix: true }
  return HEADER + documented(astToString(await openapiTS(text, options)))
}

/** Writes comments as ours are: without tags that repeat the type, and one for each export. */
function documented(types: string): string {
  return types
    .replaceAll(/^ *\/\*\* @(?:constant|enum \{\w+\}) \*\/\n/gm, '')
    .replaceAll(/^ *\* (?:@constant|@enum \{\w+\}|Format: .*)\n/gm, '')
    .replaceAll('@description ', '')
    .replaceAll(/^export (?:type|interface) (\w+)/gm, '/** `$1` of the OpenAPI document. */\n$&')
}

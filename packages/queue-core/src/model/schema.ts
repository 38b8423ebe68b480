import { types } from 'node:util'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { invalidOptions, QueueError } from './errors.ts'
import { textOf } from './text-of.ts'

/** Schemas by job name, whatever the job map. */
export type Schemas = Readonly<Record<string, StandardSchemaV1 | undefined>>

/** The schemas of a queue. @throws {QueueError} `INVALID_OPTIONS` when one is no Standard Schema */
export function readSchemas(schemas: object | undefined): Schemas | undefined {
  for (const [name, schema] of Object.entries(schemas ?? {}))
    if (schema !== undefined && typeof (schema as Partial<StandardSchemaV1>)?.['~standard'] !== 'object')
      throw invalidOptions(`The schema of "${name}" is no Standard Schema (https://standardschema.dev)`)
  return schemas as Schemas | undefined
}

/**
 * Checks data against the schema of its job, if there is one, and returns the schema's output.
 * `Refusal`: class of the error. @default QueueError
 * @throws {QueueError} `INVALID_PAYLOAD` with the path and text of each issue
 */
export function validate(
  schemas: Schemas | undefined,
  name: string,
  data: unknown,
  Refusal: typeof QueueError = QueueError,
): unknown | Promise<unknown> {
  const schema = schemas !== undefined && Object.hasOwn(schemas, name) ? schemas[name] : undefined
  if (schema === undefined) return data
  const outputOf = (result: StandardSchemaV1.Result<unknown>): unknown => {
    if (result.issues === undefined) return result.value
    const text = `Data of job "${name}" does not fit its schema: ${describeIssues(result.issues)}`
    throw new Refusal('INVALID_PAYLOAD', text)
  }
  const result = schema['~standard'].validate(data)
  return types.isPromise(result) ? result.then(outputOf) : outputOf(result)
}

function describeIssues(issues: readonly StandardSchemaV1.Issue[]): string {
  try {
    const texts = issues.map(({ message, path = [] }) => {
      const at = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
      return at === '' ? textOf(message) : `${at}: ${textOf(message)}`
    })
    return texts.join('; ')
  } catch (error) {
    return `its issues cannot be read: ${textOf(error)}`
  }
}

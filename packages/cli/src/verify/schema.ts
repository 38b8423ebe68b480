import { migrationNames, missingMigrations, type Database } from '@titan/payments'
import { readInvariantFile } from './sql-files.ts'
import { breachOf, mergeBreaches, type Breach } from './finding.ts'
import { withSnapshot } from './snapshot.ts'

/** Something that the migrations made. */
export interface SchemaObject {
  readonly kind: string
  readonly name: string
  readonly definition: string
}

interface PresentObject extends SchemaObject {
  /** Why it is not in force; null when it is. */
  readonly state: string | null
}

/** What the migrations make, one object a line; a test keeps the file in step with them. */
export const SCHEMA_FILE = 'schema.jsonl'

/** Kinds that change what our own tables do. An added column, constraint or index takes nothing away. */
const FOREIGN_KINDS = ['trigger', 'rule', 'child table', 'setting']

/** The objects of the schema that `payments` is in. Reads only. */
export async function readSchema(sql: Database): Promise<PresentObject[]> {
  const text = await readInvariantFile('schema_objects.sql')
  return withSnapshot(sql, (snapshot) => snapshot.unsafe<PresentObject[]>(text))
}

/** I18: what of the schema is missing, altered, not in force or added, against what the migrations make. */
export async function findSchemaBreaches(sql: Database): Promise<Breach[]> {
  const missing = await missingMigrations(sql)
  if (missing.length > 0) return breachOf('a migration is not applied', missing)
  const wanted = (await readInvariantFile(SCHEMA_FILE))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SchemaObject)
  return compareSchema(wanted, await readSchema(sql), { isNewer: await hasNewerMigrations(sql) })
}

/** Whether a newer version has migrated the database. Migrations add and replace, and take nothing away. */
async function hasNewerMigrations(sql: Database): Promise<boolean> {
  const rows = await sql<{ name: string }[]>`select name from schema_migrations`
  const known = await migrationNames()
  return rows.some(({ name }) => !known.includes(name))
}

/** Compares objects by kind and name. What a newer version added or replaced is no breach. */
export function compareSchema(
  wanted: readonly SchemaObject[],
  present: readonly PresentObject[],
  { isNewer = false }: { readonly isNewer?: boolean } = {},
): Breach[] {
  const byKey = new Map(present.map((object) => [keyOf(object), object]))
  // A table that is gone, or something else now, says more than its columns would.
  const gone = new Set(
    wanted
      .filter(
        (object) => object.kind === 'table' && byKey.get(keyOf(object))?.definition !== object.definition,
      )
      .map(({ name }) => name),
  )
  const ours = wanted
    .filter((object) => object.kind === 'table' || !gone.has(tableOf(object)))
    .flatMap((object) => judgeObject(object, byKey.get(keyOf(object)), isNewer))
  return mergeBreaches([...ours, ...findAdded(wanted, present, isNewer)])
}

function judgeObject(wanted: SchemaObject, found: PresentObject | undefined, isNewer: boolean): Breach[] {
  const title = titleOf(wanted)
  if (found === undefined) return breachOf('is missing', [title])
  const isAltered = !isNewer && plain(found.definition) !== plain(wanted.definition)
  return [
    ...breachOf('is not as the migrations made it', isAltered ? [title] : []),
    ...(found.state === null ? [] : breachOf(found.state, [title])),
  ]
}

function findAdded(
  wanted: readonly SchemaObject[],
  present: readonly PresentObject[],
  isNewer: boolean,
): Breach[] {
  const known = new Set(wanted.map(keyOf))
  const tables = new Set(wanted.filter(({ kind }) => kind === 'table').map(({ name }) => name))
  return present
    .filter(({ kind, state }) => FOREIGN_KINDS.includes(kind) && !(isNewer && state === null))
    .filter((object) => tables.has(tableOf(object)) && !known.has(keyOf(object)))
    .flatMap((object) => breachOf(object.state ?? 'is not from a migration', [titleOf(object)]))
}

function keyOf({ kind, name }: SchemaObject): string {
  return `${kind} ${name}`
}

/** As people know it: the names of constraints, indexes and triggers hold their table already. */
export function titleOf({ kind, name }: SchemaObject): string {
  const isNamedWhole = ['constraint', 'index', 'trigger'].includes(kind)
  return `${kind} ${isNamedWhole ? name.replace(/^\w+\./, '') : name}`
}

/** The table that a trigger or the like is on. */
function tableOf({ kind, name, definition }: SchemaObject): string {
  if (kind === 'setting') return 'payments'
  return kind === 'child table' ? definition.replace(/^of /, '') : (name.split('.')[0] ?? '')
}

/** A checkout with other ends of lines made the same object. */
function plain(definition: string): string {
  return definition.replaceAll('\r\n', '\n')
}

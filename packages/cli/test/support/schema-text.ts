import type { Database } from '@titan/payments'
import { readSchema, type SchemaObject } from '../../src/verify/schema.ts'

interface Column {
  readonly relation: string
  readonly column: string
  readonly comment: string | null
}

const HEADER = `-- The schema that the migrations in this folder make, for readers. Never run it: \`titan migrate\` applies the migrations.
-- Generated from a migrated database by \`vitest run packages/cli/test/schema.pg.test.ts -u\`.`

/** Writes the schema of a migrated database as SQL: types, tables with what belongs to them, views, functions. */
export async function schemaText(sql: Database): Promise<string> {
  const objects = await readSchema(sql)
  const columns = await sql<Column[]>`
    select c.relname as relation, a.attname as column, col_description(c.oid, a.attnum) as comment
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v', 'c')
     order by c.relname collate "C", a.attnum`
  const tables = await sql<{ name: string; comment: string | null }[]>`
    select relname as name, obj_description(oid, 'pg_class') as comment
      from pg_class where relnamespace = current_schema()::regnamespace`
  const comments = new Map(tables.map(({ name, comment }) => [name, comment]))
  const ofKind = (kind: string): SchemaObject[] =>
    objects.filter((object) => object.kind === kind).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const order = ({ definition }: SchemaObject) =>
    definition === 'type' ? 0 : definition.startsWith('view') ? 2 : 1
  const relations = ofKind('table')
    .toSorted((a, b) => order(a) - order(b))
    .map((relation) =>
      describeRelation(relation, { objects, columns, comment: comments.get(relation.name) ?? null }),
    )
  const functions = ofKind('function').map(
    ({ name, definition }) =>
      `create function ${name} ${definition.replace(/ as ([\s\S]*)$/, ' as $$$$$1$$$$')};`,
  )
  return `${[HEADER, ...relations, ...functions].join('\n\n')}\n`
}

interface Parts {
  readonly objects: readonly SchemaObject[]
  readonly columns: readonly Column[]
  readonly comment: string | null
}

function describeRelation({ name, definition }: SchemaObject, { objects, columns, comment }: Parts): string {
  const about = comment === null ? [] : [`-- ${comment}`]
  const [isView, query = ''] = /^view as (.*)$/.exec(definition) ?? []
  if (isView !== undefined) return [...about, `create view ${name} as`, `  ${query}`].join('\n')
  const own = (kind: string): SchemaObject[] =>
    objects
      .filter((object) => object.kind === kind && object.name.startsWith(`${name}.`))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const partOf = ({ name: full }: SchemaObject): string => full.slice(name.length + 1)
  const types = new Map(own('column').map((column) => [partOf(column), column.definition]))
  const constraints = own('constraint')
  const lines = [
    ...columns
      .filter(({ relation }) => relation === name)
      .map((one) => ({ text: `${one.column} ${types.get(one.column)}`, about: one.comment })),
    ...constraints.map((one) => ({ text: `constraint ${partOf(one)} ${one.definition}`, about: null })),
  ]
  const body = lines.map((line, index) => {
    const comma = index < lines.length - 1 ? ',' : ''
    return `  ${line.text}${comma}${line.about === null ? '' : ` -- ${line.about}`}`
  })
  const isConstraint = (index: SchemaObject): boolean => constraints.some((one) => one.name === index.name)
  const [head, end] =
    definition === 'type' ? [`create type ${name} as (`, ');'] : [`create ${definition} ${name} (`, ');']
  return [
    ...about,
    head,
    ...body,
    end,
    ...[...own('index').filter((index) => !isConstraint(index)), ...own('trigger')].map(
      (one) => `${one.definition};`,
    ),
  ].join('\n')
}

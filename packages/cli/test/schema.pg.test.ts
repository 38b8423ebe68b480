import { createTestDatabase } from '@titan/testkit'
import { migrate, openDatabase } from '@titan/payments'
import { afterAll, describe, expect, inject, it } from 'vitest'
import {
  compareSchema,
  findSchemaBreaches,
  readSchema,
  titleOf,
  type SchemaObject,
} from '../src/verify/schema.ts'
import { afterPlanting } from './support/planted.ts'
import { schemaText } from './support/schema-text.ts'

const database = await createTestDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url, { poolSize: 2 })
await migrate(sql)
const fresh = await readSchema(sql)
afterAll(async () => {
  await sql.end({ timeout: 1 })
  await database.drop()
})

/** The objects of a fresh database, one a line, in an order that no collation changes. */
function toLines(objects: readonly SchemaObject[]): string {
  const lines = objects.map(({ kind, name, definition }) => JSON.stringify({ kind, name, definition }))
  return `${lines.toSorted().join('\n')}\n`
}

/** What is found after `statement`, of which nothing stays. */
async function findAfter(statement: string): Promise<Record<string, readonly string[]>> {
  const present = await afterPlanting(sql, statement, readSchema)
  return Object.fromEntries(compareSchema(fresh, present).map(({ what, offenders }) => [what, offenders]))
}

describe('the reference of the schema', () => {
  it('is what the migrations make; `vitest run packages/cli/test/schema.pg.test.ts -u` renews it', async () => {
    await expect(toLines(fresh)).toMatchFileSnapshot('../../../sql/invariants/schema.jsonl')
  })

  it('is written out for readers as sql/schema.sql, which the same command renews', async () => {
    await expect(await schemaText(sql)).toMatchFileSnapshot('../../../sql/schema.sql')
  })

  it('finds nothing in a fresh database', async () => {
    expect(await findSchemaBreaches(sql)).toEqual([])
  })
})

/** The ways to break an object of each kind. A new kind needs a row here. */
const PLANTS: Readonly<Record<string, (object: SchemaObject) => Readonly<Record<string, string>>>> = {
  table({ name, definition }) {
    if (definition === 'type') return { 'is missing': `drop type ${name} cascade` }
    const rename = `alter table ${name} rename to ${name}_gone`
    return {
      'is missing': rename,
      'is not as the migrations made it': `${rename}; create view ${name} as select * from ${name}_gone`,
      ...(definition === 'table' && {
        'row security hides rows of it': `alter table ${name} enable row level security`,
      }),
    }
  },
  column: ({ name, definition }) => {
    const [table = '', column = ''] = name.split('.')
    if (isOfType(table)) return { 'is missing': `alter type ${table} drop attribute ${column} cascade` }
    return {
      'is missing': `alter table ${table} rename column ${column} to ${column}_gone`,
      'is not as the migrations made it': definition.includes(' identity')
        ? `alter table ${table} alter column ${column} drop identity`
        : definition.includes(' default ')
          ? `alter table ${table} alter column ${column} drop default`
          : isKey(name)
            ? `alter table ${table} alter column ${column} set default (array[null::${definition.replace(/ (not null|collate).*/, '')}])[1]`
            : definition.includes(' not null')
              ? `alter table ${table} alter column ${column} drop not null`
              : `${emptied(table)}alter table ${table} alter column ${column} set not null`,
    }
  },
  constraint: ({ name, definition }) => {
    const [table = '', constraint = ''] = name.split('.')
    const drop = `alter table ${table} drop constraint ${constraint} cascade`
    if (definition.startsWith('CHECK'))
      return {
        'is missing': drop,
        'is not as the migrations made it': `${drop}; alter table ${table} add constraint ${constraint} check (true)`,
        'is not validated': `${drop}; alter table ${table} add constraint ${constraint} ${definition} not valid`,
      }
    if (definition.startsWith('FOREIGN KEY'))
      return {
        'is missing': drop,
        'is not validated': `${drop}; alter table ${table} add constraint ${constraint} ${definition} not valid`,
        'is disabled': `alter table ${table} disable trigger all`,
      }
    return { 'is missing': drop }
  },
  index: ({ name, definition }) => {
    const [table = '', index = ''] = name.split('.')
    const isOfConstraint = fresh.some((object) => object.kind === 'constraint' && object.name === name)
    const drop = isOfConstraint
      ? `alter table ${table} drop constraint ${index} cascade`
      : `drop index ${index}`
    return {
      'is missing': drop,
      'is not as the migrations made it': definition.startsWith('CREATE UNIQUE')
        ? `${drop}; ${definition.replace('CREATE UNIQUE', 'CREATE')}`
        : `${drop}; create index ${index} on ${table} ((1))`,
      'is not valid': `update pg_index set indisvalid = false where indexrelid = '${index}'::regclass`,
    }
  },
  trigger: ({ name, definition }) => {
    const [table = '', trigger = ''] = name.split('.')
    return {
      'is missing': `drop trigger ${trigger} on ${table}`,
      // PostgreSQL disables no trigger of a view.
      ...(!definition.includes('INSTEAD OF') && {
        'is disabled': `alter table ${table} disable trigger ${trigger}`,
      }),
      'is not as the migrations made it': `
        create function permit() returns trigger language plpgsql as 'begin return new; end';
        drop trigger ${trigger} on ${table}; ${definition.replace(/FUNCTION \w+\(/, 'FUNCTION permit(')}`,
    }
  },
  function: ({ name, definition }) => ({
    'is missing': `drop function ${name} cascade`,
    'is not as the migrations made it': definition.startsWith('returns trigger')
      ? `create or replace function ${name} returns trigger language plpgsql as 'begin return new; end'`
      : `alter function ${name} set work_mem = '1MB'`,
  }),
}

function isOfType(table: string): boolean {
  return fresh.some(
    ({ kind, name, definition }) => kind === 'table' && name === table && definition === 'type',
  )
}

/** Empties the table that a migration writes a row into, whose columns may be null. */
function emptied(table: string): string {
  return table === 'accounts' ? 'truncate accounts cascade; ' : ''
}

/** Whether a column is of a primary key, which needs it to be not null. */
function isKey(column: string): boolean {
  const [table = '', name = ''] = column.split('.')
  return fresh.some(
    (object) =>
      object.kind === 'constraint' &&
      object.name.startsWith(`${table}.`) &&
      object.definition.startsWith('PRIMARY KEY') &&
      /\((.*)\)/.exec(object.definition)?.[1]?.split(', ').includes(name) === true,
  )
}

describe('each object of the schema, read from a fresh database', () => {
  it('has a way to break it', () => {
    expect([...new Set(fresh.map(({ kind }) => kind))].filter((kind) => PLANTS[kind] === undefined)).toEqual(
      [],
    )
  })

  it.each(Object.keys(PLANTS))(
    // F164 any table, column, constraint, index, trigger or function of the schema is dropped, altered,
    //  disabled or made invalid; a trigger, rule or child table is added: it is named
    'of the kind %s is named when it is broken',
    { timeout: 120_000 },
    async (kind) => {
      const missed: string[] = []
      for (const object of fresh.filter((one) => one.kind === kind)) {
        for (const [what, statement] of Object.entries(PLANTS[kind]?.(object) ?? {})) {
          const found = await findAfter(statement)
          if (found[what]?.includes(titleOf(object)) !== true)
            missed.push(`${kind} ${object.name}, ${what}: ${JSON.stringify(found)}`)
        }
      }
      expect(missed).toEqual([])
    },
  )
})

describe('what no migration made', () => {
  const permit = `create function permit() returns trigger language plpgsql as 'begin return null; end';`

  it.each([
    [
      'a trigger',
      `${permit} create trigger aaa_permit before update on payments for each row execute function permit()`,
      'trigger aaa_permit',
    ],
    [
      'a rule',
      `create rule quiet as on delete to payment_event_rows do instead nothing`,
      'rule payment_event_rows.quiet',
    ],
    ['a child table', `create table more_payments () inherits (payments)`, 'child table more_payments'],
    // F164
  ])('is named when it is %s on one of our tables', async (_, statement, offender) => {
    expect(await findAfter(statement)).toEqual({ 'is not from a migration': [offender] })
  })

  // F164
  it('is named when it is a setting that turns triggers off', async () => {
    expect(await findAfter('set local session_replication_role = replica')).toEqual({
      'disables triggers': ['setting session_replication_role'],
    })
    const name = new URL(database.url).pathname.slice(1)
    expect(await findAfter(`alter database ${name} set session_replication_role = replica`)).toEqual({
      'disables triggers': ['setting session_replication_role'],
    })
  })

  // F165 an operator's own index, constraint, column or table; a migration of a newer version: no alarm
  it('is not named when it takes nothing away', async () => {
    expect(
      await findAfter(`
        ${permit}
        create table another (id int primary key);
        create trigger own before update on another for each row execute function permit();
        create index more on payments (created_at);
        alter table payments add column note text, add constraint short check (length(id) < 100);
        alter table payments set (fillfactor = 70)`),
    ).toEqual({})
  })

  // F165
  it('is not judged when a newer version may have made it', async () => {
    // Migrations add and replace; they turn nothing off.
    await sql`insert into schema_migrations (name, checksum) values ('9999_newer.sql', 'x')`
    await sql`alter table payments disable trigger payments_check_frozen`
    await sql`alter table payments drop constraint payments_status_known`
    await sql`alter table payments add constraint payments_status_known check (status <> '')`
    try {
      expect(await findSchemaBreaches(sql)).toEqual([
        { what: 'is disabled', count: 1, offenders: ['trigger payments_check_frozen'] },
      ])
    } finally {
      await sql`alter table payments enable trigger payments_check_frozen`
      await sql`alter table payments drop constraint payments_status_known`
      const statuses = fresh.find(({ name }) => name === 'payments.payments_status_known')
      await sql.unsafe(`alter table payments add constraint payments_status_known ${statuses?.definition}`)
      await sql`delete from schema_migrations where name = '9999_newer.sql'`
    }
  })

  it('hides no migration that is not applied', async () => {
    const [row] = await sql<{ name: string; checksum: string }[]>`
      delete from schema_migrations where name like '0014%' returning name, checksum`
    expect(await findSchemaBreaches(sql)).toEqual([
      { what: 'a migration is not applied', count: 1, offenders: ['0014_refunds.sql'] },
    ])
    await sql`insert into schema_migrations ${sql([row ?? { name: '', checksum: '' }])}`
  })
})

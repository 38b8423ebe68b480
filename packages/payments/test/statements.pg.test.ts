import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMigratedDatabase } from '@titan/testkit/vitest'

const { sql } = await createMigratedDatabase()
const packages = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, packages), 'utf8')

const files = globSync('*/statements/*.sql', { cwd: packages }).map((path) => {
  const text = read(path)
  const header = /^(?:--.*\n)+/.exec(text)?.[0] ?? ''
  return { path, header, body: text.slice(header.length) }
})

/** The PARAMS of a header: `$1 ids  text[]  what they are`. */
function parametersOf(header: string): { number: number; name: string; type: string }[] {
  return [...header.matchAll(/^-- (?:PARAMS)? +\$(\d+) (\w+) +(\S+) {2,}\S/gm)].map(
    ([, number, name = '', type = '']) => ({ number: Number(number), name, type }),
  )
}

describe.each(files)('$path', ({ path, header, body }) => {
  const parameters = parametersOf(header)

  test('states its purpose, parameters, result and reason in this order', () => {
    expect(header).toMatch(
      /^-- [A-Z].*[.:]\n(-- .*\n)*(-- PARAMS {3}\$1 .*\n(-- {10}\$?.*\n)*)?-- RETURNS {2}.*\n(-- {10}.*\n)*(-- WHY {6}.*\n(-- {10}.*\n)*)?$/,
    )
  })

  test('names each parameter once and uses each one', () => {
    expect(parameters.map(({ number }) => number)).toEqual(parameters.map((_, index) => index + 1))
    const used = new Set([...body.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
    expect([...used].toSorted((one, other) => one - other)).toEqual(parameters.map(({ number }) => number))
  })

  test('is in use', () => {
    const [name] = path.split('/')
    const sources = globSync(`${name}/src/**/*.ts`, { cwd: packages }).map(read).join('\n')
    const isUsed = new RegExp(`tatement(<[^(]*>)?\\(\\s*'${basename(path, '.sql')}'`, 's').test(sources)
    expect(isUsed).toBe(true)
  })

  test('is understood by the database as its header says', async () => {
    await sql.begin(async (transaction) => {
      await transaction.unsafe(`prepare statement_under_test as ${body}`)
      const [prepared] = await transaction<{ found: string[]; stated: string[] }[]>`
        select parameter_types::text[] as found,
               array(select type::regtype::text from unnest(${parameters.map(({ type }) => type)}::text[]) as type) as stated
          from pg_prepared_statements where name = 'statement_under_test'`
      expect(prepared?.found).toEqual(prepared?.stated)
      await transaction.unsafe('deallocate statement_under_test')
    })
  })
})

import type { ApiKey } from '@titan/api/keys'
import { createTestDatabase, type TestDatabase } from '@titan/testkit'
import { migrate, openDatabase } from '@titan/payments'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

let database: TestDatabase
let env: Record<string, string>
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'))
  const sql = openDatabase(database.url, { poolSize: 1 })
  await migrate(sql)
  await sql.end()
  env = { DATABASE_URL: database.url }
})
afterAll(() => database.drop())

interface Created {
  readonly key: ApiKey
  readonly token: string
}

const TOKEN = /^titan_[\da-f]{16}_[\w-]{43}$/
const create = (...args: readonly string[]): Promise<Created> =>
  readJson<Created>(['keys', 'create', ...args], env)

async function listed(id: string): Promise<(ApiKey & { readonly state: string }) | undefined> {
  const { keys } = await readJson<{ keys: (ApiKey & { readonly state: string })[] }>(['keys', 'list'], env)
  return keys.find((key) => key.id === id)
}

describe('titan keys create', () => {
  it('prints the token alone on standard output, and what it may do beside it', async () => {
    const { code, stdout, stderr } = await runHere(['keys', 'create', 'the shop', '--scope', 'write'], env)

    expect(code).toBe(0)
    expect(stdout.trimEnd()).toMatch(TOKEN)
    const [, id = ''] = stdout.split('_')
    expect(stderr).toBe(`key ${id}, scope write, expires never; the token is not shown again\n`)
    expect(await listed(id)).toMatchObject({ name: 'the shop', scope: 'write', expiresAt: null })
  })

  it('makes a key that reads, unless another scope is asked for', async () => {
    const { key, token } = await create('reports')
    expect(token).toMatch(TOKEN)
    expect(key).toMatchObject({ name: 'reports', scope: 'read', expiresAt: null })
    expect((await create('owner', '--scope', 'admin')).key.scope).toBe('admin')
  })

  it('lets a key end at a time, or after one', async () => {
    const { key: fixed } = await create('fixed', '--expires', '2999-01-31T12:00:00Z')
    const before = Date.now()
    const { key: relative } = await create('relative', '--expires', '90d')
    const after = Date.now()

    expect(fixed.expiresAt).toBe('2999-01-31T12:00:00.000Z')
    const lifeMs = 90 * 86_400_000
    const end = new Date(relative.expiresAt ?? 0).getTime()
    expect(end).toBeGreaterThanOrEqual(before + lifeMs)
    expect(end).toBeLessThanOrEqual(after + lifeMs)
  })

  it.each([
    [[], 'the name of the client is missing'],
    [['shop', '--scope', 'all'], '--scope must be one of read, write, admin'],
    [['shop', '--expires', '2020-01-01'], '--expires must be in the future'],
    [['shop', '--expires', 'soon'], '--expires must be a duration'],
    [['x'.repeat(101)], '--name must be 1 to 100 printable characters'],
  ])('refuses %j and makes no key', async (args, fault) => {
    const before = (await readJson<{ keys: unknown[] }>(['keys', 'list'], env)).keys.length
    const { code, stdout, stderr } = await runHere(['keys', 'create', ...args], env)

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(fault)
    expect((await readJson<{ keys: unknown[] }>(['keys', 'list'], env)).keys).toHaveLength(before)
  })
})

describe('titan keys list', () => {
  it('shows a table without tokens and secrets', async () => {
    const { key, token } = await create('shown in a table')
    const { code, stdout } = await runHere(['keys', 'list'], env)

    expect(code).toBe(0)
    expect(stdout).toMatch(/^id +name +scope +state +created +expires +last used$/m)
    expect(stdout).toMatch(new RegExp(`^${key.id} +shown in a table +read +valid +\\S+Z +- +-$`, 'm'))
    expect(stdout).not.toContain(token.slice('titan_0123456789abcdef_'.length))
  })

  it('tells in one line that the database has no tables', async () => {
    const empty = await createTestDatabase(inject('databaseUrl'))
    const { code, stderr } = await runHere(['keys', 'list'], { DATABASE_URL: empty.url })
    await empty.drop()

    expect(code).toBe(2)
    expect(stderr).toContain('titan keys list: the database has no tables yet')
  })
})

describe('titan keys revoke', () => {
  it('ends keys, each once', async () => {
    const [one, other] = [(await create('one')).key.id, (await create('other')).key.id]
    const answer = await readJson<object>(['keys', 'revoke', one, other], env)

    expect(answer).toEqual({ revoked: [one, other], missing: [] })
    expect(await listed(one)).toMatchObject({ state: 'revoked', revokedAt: expect.any(String) })
    const again = await runHere(['keys', 'revoke', one], env)
    expect(again).toEqual({
      code: 1,
      stdout: '0 revoked\n',
      stderr: `titan keys revoke: no such active key: ${one}\n`,
    })
  })

  it('leaves the others valid', async () => {
    const [kept, ended] = [(await create('kept')).key.id, (await create('ended')).key.id]
    await readJson(['keys', 'revoke', ended], env)
    expect(await listed(kept)).toMatchObject({ state: 'valid' })
  })

  it('refuses what is no id, such as a token, without repeating it', async () => {
    const { token } = await create('mistaken')
    const { code, stderr } = await runHere(['keys', 'revoke', token], env)
    expect(code).toBe(2)
    expect(stderr).toContain('--ids must be ids of keys')
    expect(stderr).not.toContain(token)
    expect((await runHere(['keys', 'revoke'], env)).code).toBe(2)
  })
})

import { expect } from 'vitest'
import type { Document } from './contract.ts'
import type { Tenant, World } from './isolation-world.ts'

type Operation = Document['paths'][string][string]

/** A route of the document that takes an API key. */
export interface Secured {
  readonly method: string
  readonly path: string
  readonly operation: Operation
  /** Members of its body that name something. */
  readonly members: readonly string[]
}

/** What came back, without what differs between two equal requests. */
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly statements: readonly string[]
}

/** Values of queries that are those of any account. */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  limit: ['1', '100'],
  needs_review: ['true', 'false'],
  min_amount: ['1'],
  max_amount: ['9007199254740991'],
  created_after: ['2000-01-01T00:00:00Z'],
  created_before: ['2100-01-01T00:00:00Z'],
  time_zone: ['UTC'],
}

const DAY_MS = 86_400_000
/** Members that a query must have: a span with what the accounts have made. */
const REQUIRED: Readonly<Record<string, () => string>> = {
  created_after: () => new Date(Date.now() - DAY_MS).toISOString(),
  created_before: () => new Date(Date.now() + DAY_MS).toISOString(),
}

export async function securedOperations({ api }: World): Promise<readonly Secured[]> {
  const document = (await (await api.request('/openapi.json')).json()) as Document
  const membersOf = ({ requestBody }: Operation): readonly string[] => {
    const { $ref = '' } = (requestBody?.content['application/json']?.schema ?? {}) as {
      readonly $ref?: string
    }
    const schema = document.components.schemas[$ref.replace(/.*\//, '')] as { readonly properties?: object }
    return Object.keys(schema?.properties ?? {}).filter((name) => name.endsWith('_id'))
  }
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) =>
      operation.security?.length === 0
        ? []
        : [{ method: method.toUpperCase(), path, operation, members: membersOf(operation) }],
    ),
  )
}

/** Returns an id or a word of the same form that nothing has. */
function unknownOf(value: string): string {
  if (/^dlv_\d+$/.test(value)) return 'dlv_999999999'
  // Within the part that is random, so that it sorts beside the one that exists.
  return value.replace(/[\da-f](?=[^\da-f]*(_\d+)?$)/, (digit) => (digit === '0' ? '1' : '0'))
}

/** Compares the answers to a request about what another account has and about what does not exist. */
export class Comparison {
  readonly leaks: string[] = []
  readonly #world: World
  readonly #victim: Tenant
  readonly #asker: Tenant

  constructor(world: World, victim: string, asker: string) {
    this.#world = world
    this.#victim = tenantOf(world, victim)
    this.#asker = tenantOf(world, asker)
  }

  /** Every route whose path names something. */
  async ofPaths({ method, path, operation, members }: Secured): Promise<void> {
    const [, name] = /\{(\w+)\}/.exec(path) ?? []
    if (name === undefined) return
    const bodies = this.#bodiesOf(operation)
    for (const id of this.#victim.ids.get(name) ?? none(`the path parameter ${name} of ${path}`))
      for (const body of bodies) {
        const ask = (asked: string) => this.#ask(method, path.replace(`{${name}}`, asked), body)
        await this.#compare(`${method} ${path}`, id, unknownOf(id), ask)
      }
    const [own] = this.#asker.ids.get(name) ?? []
    if (own === undefined) return
    const ownPath = path.replace(`{${name}}`, own)
    if (method === 'GET') await this.#ofQueries(ownPath, operation)
    for (const member of members) await this.#ofMember(method, ownPath, member)
  }

  /** Every list: nothing of another account, however it is asked for. */
  async ofLists({ method, path, operation }: Secured): Promise<void> {
    if (method !== 'GET' || path.includes('{')) return
    this.#expectNoTrace(`GET ${path}`, await this.#ask('GET', path))
    await this.#ofQueries(path, operation)
  }

  /** Every route that creates: what another account uses already is new. */
  async ofCreations({ method, path, operation }: Secured): Promise<void> {
    if (method !== 'POST' || path.includes('{')) return
    const example = exampleOf(operation)
    const name = ['idempotency_key', 'url'].find((member) => JSON.stringify(example).includes(`"${member}":`))
    const [taken] = this.#victim.values.get(name ?? '') ?? none(`the body of ${method} ${path}`)
    for (const amount of [500, 501]) {
      const ask = (value: string) => {
        const body = withMember(withMember(example, name ?? '', value), 'amount', amount)
        return this.#ask(method, path, body)
      }
      const fresh = `${taken ?? ''}-${this.#asker.account}-${amount}`
      // Each is asked once: a second request would replay the first.
      await this.#compare(`${method} ${path}`, `${taken ?? ''}${amount === 500 ? '' : '-other'}`, fresh, ask)
    }
  }

  async #ofQueries(path: string, { parameters = [] }: Operation): Promise<void> {
    const required = parameters.filter((parameter) => parameter.in === 'query' && parameter.required === true)
    const base = new URLSearchParams(
      required.map(({ name }) => [
        name,
        (REQUIRED[name] ?? none(`the query parameter ${name} of ${path}`))(),
      ]),
    )
    const whole = `${path}?${base.toString()}`
    if (required.length > 0) this.#expectNoTrace(`GET ${whole}`, await this.#ask('GET', whole))
    for (const { in: place, name, schema } of parameters) {
      if (place !== 'query') continue
      const ask = (value: string) => {
        const query = new URLSearchParams(base)
        query.set(name, value)
        return this.#ask('GET', `${path}?${query.toString()}`)
      }
      const common = COMMON[name] ?? (schema as { readonly enum?: readonly string[] }).enum
      for (const value of common ?? []) this.#expectNoTrace(`GET ${path}?${name}`, await ask(value))
      if (common !== undefined) continue
      const values = name === 'cursor' ? await this.#cursorsOf(path) : this.#victim.values.get(name)
      for (const value of values ?? none(`the query parameter ${name} of ${path}`))
        await this.#compare(`GET ${path}?${name}`, value, unknownOf(value), ask)
    }
  }

  /** A member of a body that names something, beside one's own id in the path. */
  async #ofMember(method: string, path: string, name: string): Promise<void> {
    const ask = (value: string) => this.#ask(method, path, { [name]: value })
    for (const value of this.#victim.ids.get(name) ?? none(`the member ${name} of ${method} ${path}`))
      await this.#compare(`${method} ${path} ${name}`, value, unknownOf(value), ask)
  }

  /** The cursor that the other account gets for this list. */
  async #cursorsOf(path: string): Promise<readonly string[]> {
    const response = await this.#world.api.request(`${path}?limit=1`, {
      headers: { authorization: `Bearer ${this.#victim.token}` },
    })
    // An export has it in its link to the next page.
    const linked = /[?&]cursor=([^&>]+)/.exec(response.headers.get('link') ?? '')?.[1]
    if (linked !== undefined) return [decodeURIComponent(linked)]
    const { next_cursor: cursor } = (await response.json()) as { readonly next_cursor?: string | null }
    return cursor == null ? [] : [cursor]
  }

  #bodiesOf(operation: Operation): readonly unknown[] {
    return operation.requestBody === undefined ? [undefined] : [exampleOf(operation)]
  }

  async #compare(what: string, foreign: string, unknown: string, ask: (value: string) => Promise<Answer>) {
    const [found, missing] = [await ask(foreign), await ask(unknown)]
    const [shown, expected] = [normalized(found, foreign), normalized(missing, unknown)]
    if (shown !== expected) this.leaks.push(`${what}: ${shown} instead of ${expected}`)
    this.#expectNoTrace(what, found, foreign)
  }

  /** `asked`: what the asker wrote itself, which an answer may repeat. */
  #expectNoTrace(what: string, { headers, body }: Answer, asked = ''): void {
    const text = `${JSON.stringify(headers)}${body}`
    const cursors = [...text.matchAll(/[\w-]{40,}/g)].map(([cursor]) =>
      Buffer.from(cursor, 'base64url').toString('latin1'),
    )
    const seen = [text, ...cursors].join('\n')
    const word = this.#victim.words.find((one) => !asked.includes(one) && seen.includes(one))
    if (word !== undefined) this.leaks.push(`${what}: shows ${word}`)
    if (this.#asker.ids.size === 0 && /"has_more":true|"data":\[\{/.test(body))
      this.leaks.push(`${what}: is not empty`)
  }

  async #ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const { api, takeStatements } = this.#world
    takeStatements()
    const response = await api.request(path, {
      method,
      headers: {
        authorization: `Bearer ${this.#asker.token}`,
        'x-request-id': 'one',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const statements = takeStatements()
    return { status: response.status, headers: Object.fromEntries(response.headers), body: text, statements }
  }
}

function tenantOf({ tenants }: World, account: string): Tenant {
  const tenant = tenants.get(account)
  if (tenant === undefined) throw new Error(`no account ${account} in this world`)
  return tenant
}

/** A new route fails here until it is said how its ids and values are found. */
function none(what: string): never {
  return expect.fail(`isolation-world.ts has nothing of another account for ${what}`)
}

function exampleOf({ requestBody }: Operation): unknown {
  const { example, examples } = requestBody?.content['application/json'] ?? {}
  return example ?? Object.values(examples ?? {})[0]?.value
}

/** Sets a member wherever it is; values after the first are counted, because each line of a batch has its own. */
function withMember(example: unknown, name: string, value: unknown): unknown {
  let count = 0
  return JSON.parse(
    JSON.stringify(example, (member, given: unknown) => {
      if (member !== name) return given
      count += 1
      return count === 1 || typeof value !== 'string' ? value : `${value}-${count}`
    }),
  )
}

function normalized({ status, headers, body, statements }: Answer, asked: string): string {
  return JSON.stringify([status, headers, body, statements])
    .replaceAll(asked, '<asked>')
    .replaceAll(encodeURIComponent(asked), '<asked>')
    .replaceAll(/\b(pay|ref|cap|void|we|evt|dlv)_[\da-f]+/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/whsec_[^"\\]+/g, '<secret>')
}

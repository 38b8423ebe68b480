import { createTestDatabase, eventually, testPrefix } from '@titan/testkit'
import { openDatabase } from '@titan/payments'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { startProgram, type LogEntry, type RunningProgram } from '../src/program.ts'
import { anyBadRequest, anyBrokenHttp, type Document } from './support/bad-requests.ts'
import { BOUNDS, seed } from './support/fuzz.ts'
import { exchange, type RawAnswer } from './support/raw-http.ts'

const PATIENT = { timeoutMs: 120_000, intervalMs: 50 }
/** Requests that are sent side by side. */
const TOGETHER = 8

const database = await createTestDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url, { poolSize: 2 })
const heaps: number[] = []
const complaints: string[] = []
let api: RunningProgram
let port = 0
let document: Document
let codes: ReadonlySet<string>

function note(entry: LogEntry): void {
  const { msg, bytes, level } = entry
  if (msg === 'heap') heaps.push(Number(bytes))
  else if (level === 'error') complaints.push(JSON.stringify(entry))
}

beforeAll(async () => {
  api = startProgram({
    name: 'api',
    args: ['--port', '0'],
    env: {
      NODE_OPTIONS: `--import=${new URL('support/heap-on-demand.ts', import.meta.url).href}`,
      DATABASE_URL: database.url,
      REDIS_URL: inject('redisUrl'),
      QUEUE_PREFIX: testPrefix(),
      STRIPE_WEBHOOK_SECRET: 'whsec_of_the_tests',
      WEBHOOK_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    },
    onLog: note,
  })
  const url = /http:\S+/.exec(await api.ready)?.[0] ?? ''
  port = Number(new URL(url).port)
  const described = (await (await fetch(`${url}/openapi.json`)).json()) as Document & {
    readonly components: {
      readonly schemas: {
        readonly Problem: { readonly properties: { readonly code: { readonly enum: string[] } } }
      }
    }
  }
  document = described
  codes = new Set(described.components.schemas.Problem.properties.code.enum)
}, 120_000)

afterAll(async () => {
  await api.kill()
  await sql.end({ timeout: 1 })
  await database.drop()
})

/** Every answer is none of a broken server's, and every error is a problem with a code of the document. */
function expectAnswer(answer: RawAnswer, method: string, request: string): void {
  const { status, contentType, body } = answer
  const told = `${request.slice(0, 200)} was answered ${status} ${contentType}: ${body.slice(0, 300)}`
  expect(status < 500 || status === 501 || status === 503, told).toBe(true)
  if (status < 400) return
  expect(contentType, told).toBe('application/problem+json')
  if (method === 'HEAD') return
  const problem = JSON.parse(body) as {
    readonly status: unknown
    readonly code: string
    readonly title: unknown
  }
  expect(problem.status, told).toBe(status)
  expect(codes.has(problem.code) && problem.code !== 'internal-error', told).toBe(true)
}

async function heapOf(): Promise<number> {
  const known = heaps.length
  api.signal('SIGUSR2')
  return eventually(() => heaps.length > known && (heaps.at(-1) ?? false), PATIENT)
}

test(
  `whatever is sent to whatever path, no answer is a fault of the server (seed ${seed})`,
  BOUNDS.test,
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyBadRequest(document), { minLength: TOGETHER, maxLength: TOGETHER }),
        async (requests) => {
          const answers = await Promise.all(requests.map(({ bytes, whole }) => exchange(port, bytes, whole)))
          for (const [index, answer] of answers.entries()) {
            const { method = '', line = '', whole = true } = requests[index] ?? {}
            if (whole) expect(answer, `${line} got no answer`).toBeDefined()
            if (answer !== undefined) expectAnswer(answer, method, line)
          }
        },
      ),
      { seed, ...BOUNDS.runs(400) },
    )
    expect(complaints).toEqual([])
  },
)

test(
  `whatever bytes come in place of HTTP, they are answered with a problem or not at all (seed ${seed})`,
  BOUNDS.test,
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyBrokenHttp, { minLength: TOGETHER, maxLength: TOGETHER }),
        async (requests) => {
          const answers = await Promise.all(requests.map((bytes) => exchange(port, bytes, false)))
          for (const [index, answer] of answers.entries()) {
            const text = Buffer.from(requests[index] ?? []).toString('latin1')
            if (answer !== undefined) expectAnswer(answer, text.startsWith('HEAD ') ? 'HEAD' : '', text)
          }
          expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
        },
      ),
      { seed, ...BOUNDS.runs(100) },
    )
    expect(complaints).toEqual([])
  },
)

test(`sound payments among bad requests are stored exactly once (seed ${seed})`, BOUNDS.test, async () => {
  await sql`truncate payments cascade`
  const anyKey = fc.string({
    unit: fc.constantFrom('a', 'b', 'Z', '0', '_', '-', '.', ':', '/'),
    minLength: 1,
    maxLength: 60,
  })
  const told = new Map<string, { readonly id: string; readonly amount: number }>()
  const junk = fc.array(anyBadRequest({ paths: { '/pay': {}, ...without(document, 'post') } }), {
    maxLength: 4,
  })
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(anyKey, fc.integer({ min: 1, max: 1e9 }), junk),
      async ([text, amount, bad]) => {
        const key = `fuzz-${text}`
        const body = JSON.stringify({ amount, idempotency_key: key })
        const pay = Buffer.from(
          `POST /pay HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        )
        const [first, again] = await Promise.all(
          [{ bytes: pay, whole: true }, { bytes: pay, whole: true }, ...bad].map(({ bytes, whole }) =>
            exchange(port, bytes, whole),
          ),
        )
        const before = told.get(key)
        if (before !== undefined && before.amount !== amount) {
          expect([first?.status, again?.status]).toEqual([422, 422])
          return
        }
        // 409: the same key is being stored at this moment.
        for (const answer of [first, again]) {
          expect([202, 409]).toContain(answer?.status)
          if (answer?.status !== 202) continue
          const { payment_id: id } = JSON.parse(answer.body) as { readonly payment_id: string }
          expect(id).toBe(told.get(key)?.id ?? id)
          told.set(key, { id, amount })
        }
        expect(told.has(key)).toBe(true)
      },
    ),
    { seed, ...BOUNDS.runs(150) },
  )
  const rows = await sql<{ key: string; id: string; amount: string }[]>`
    select idempotency_key as key, id, amount::text as amount from payments where idempotency_key like 'fuzz-%'`
  const stored = new Map(rows.map(({ key, id, amount }) => [key, { id, amount: Number(amount) }]))
  expect(rows.length).toBeGreaterThan(0)
  expect(stored).toEqual(told)
})

test(
  `after thousands of bad requests the API holds no more memory than after the first ones (seed ${seed})`,
  BOUNDS.test,
  async () => {
    const [warm, measured] = [1_000, 3_000]
    const requests = fc.sample(anyBadRequest(document), { seed: seed + 1, numRuns: 500 })
    await sendAll(warm)
    const before = await heapOf()
    await sendAll(measured)
    const after = await heapOf()
    // A leak of 5 kB a request would be 15 MB, on a heap of some 30.
    expect(after / before, `${before} bytes, then ${after}`).toBeLessThan(1.25)

    async function sendAll(count: number): Promise<void> {
      for (let sent = 0; sent < count; sent += TOGETHER) {
        const some = Array.from(
          { length: TOGETHER },
          (_, index) => requests[(sent + index) % requests.length],
        )
        await Promise.all(
          some.map((request) => exchange(port, request?.bytes ?? Buffer.from('x'), request?.whole)),
        )
      }
    }
  },
)

/** The document without the operations of a verb. */
function without({ paths }: Document, verb: string): Document['paths'] {
  return Object.fromEntries(
    Object.entries(paths).map(([path, verbs]) => [
      path,
      Object.fromEntries(Object.entries(verbs).filter(([name]) => name !== verb)),
    ]),
  )
}

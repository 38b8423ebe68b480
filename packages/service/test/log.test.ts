import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { oddValues } from '../../queue-core/test/support/odd-values.ts'
import { createLog, type Log, type LogSettings } from '../src/index.ts'

function openLog(settings: Partial<LogSettings> = {}): { readonly log: Log; lines(): string[] } {
  const written: string[] = []
  const log = createLog(
    'test',
    { logLevel: 'info', logFormat: 'json', ...settings },
    { write: (line) => written.push(line) },
  )
  return { log, lines: () => written }
}

describe('createLog', () => {
  it('writes one JSON object a line with time, level, message and fields', () => {
    const { log, lines } = openLog()
    log.info('payment.settled', 'payment settled', { paymentId: 'pay_1', durationMs: 12 })

    expect(lines()).toHaveLength(1)
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      level: 'info',
      name: 'test',
      event: 'payment.settled',
      msg: 'payment settled',
      paymentId: 'pay_1',
      durationMs: 12,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    })
  })

  it('leaves out lines below its level', () => {
    const { log, lines } = openLog({ logLevel: 'warn' })
    log.debug('test.one', 'one')
    log.info('test.two', 'two')
    log.warn('test.three', 'three')

    expect(lines()).toHaveLength(1)
  })

  it('keeps the message of a PostgreSQL error to itself, since it quotes values', () => {
    const { log, lines } = openLog()
    const error = Object.assign(new Error('duplicate key (idempotency_key)=(secret-key)'), {
      name: 'PostgresError',
      code: '23505',
      detail: 'Key (idempotency_key)=(secret-key) already exists.',
      constraint_name: 'payments_idempotency_key_key',
    })
    log.error('test.failed', 'failed', { error: new Error('outer', { cause: error }) })

    expect(lines()[0]).not.toContain('secret-key')
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      error: { message: 'outer', cause: { code: '23505', constraint: 'payments_idempotency_key_key' } },
    })
  })

  it('cuts long messages of other errors', () => {
    const { log, lines } = openLog()
    log.error('test.failed', 'failed', { error: new Error('x'.repeat(10_000)) })

    expect(lines()[0]?.length).toBeLessThan(2_500)
  })

  it.each(oddValues().filter(([, value]) => value !== undefined))(
    // F183 such a value reaches the log, the API, a gateway’s evidence or a webhook’s result: one bounded
    //  line, status 500, a reason; a chain of causes without end is cut
    'writes a line about %s',
    (_what, error) => {
      const { log, lines } = openLog()
      log.error('test.failed', 'failed', { error })

      expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
        event: 'test.failed',
        error: { name: expect.any(String) },
      })
      expect(lines()[0]?.length).toBeLessThan(10_000)
    },
  )

  it('names only the first causes of an error, and none of their messages where it has no message', () => {
    const { log, lines } = openLog()
    const secret = Object.assign(new Error('(secret-key)'), { name: 'PostgresError' })
    log.error('test.failed', 'failed', { error: new Error('', { cause: secret }) })
    expect(lines()[0]).not.toContain('secret-key')

    let error = new Error('deepest')
    for (let depth = 0; depth < 100_000; depth++) error = new Error('outer', { cause: error })
    log.error('test.failed_again', 'failed again', { error })
    expect(lines()[1]?.split('"cause"')).toHaveLength(5)
  })

  it.each([
    ['ECONNREFUSED', { code: 'ECONNREFUSED' }],
    ['a statement that took too long', { code: '57014', name: 'PostgresError' }],
    ['a full disk', { code: '53100', name: 'PostgresError' }],
    ['a client of Redis that is offline', { name: 'ClientOfflineError' }],
    ['a Redis that is full', { message: 'OOM command not allowed when used memory > maxmemory' }],
    ['a queue without a reply', { code: 'NO_REPLY', name: 'QueueError' }],
    // F107
  ])('writes no stack of an outage: %s', (_case, given) => {
    const { log, lines } = openLog()
    log.warn('test.failed', 'failed', {
      error: new Error('outer', { cause: Object.assign(new Error('away'), given) }),
    })
    expect(lines()[0]).not.toContain('"at"')
    expect(lines()[0]?.length).toBeLessThan(400)
  })

  it('writes the stack of what is not understood', () => {
    const { log, lines } = openLog()
    log.error('test.failed', 'failed', { error: new TypeError('undefined is not a function') })
    log.error('test.failed_again', 'failed again', {
      error: Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' }),
    })
    for (const line of lines()) expect(line).toContain('"at"')
  })

  // F107
  it('bounds a line, whatever is in it', () => {
    const { log, lines } = openLog()
    const long = 'x'.repeat(100_000)
    let error = new Error(long)
    for (let depth = 0; depth < 100; depth += 1) error = new Error(long, { cause: error })
    log.error('test.failed', long, { error, reason: long, code: long, requestId: long, address: long })
    expect(lines()[0]?.length).toBeLessThan(20_000)
  })

  it('writes readable lines when asked to', () => {
    const { log, lines } = openLog({ logFormat: 'pretty' })
    log.info('payment.settled', 'payment settled', { paymentId: 'pay_1', durationMs: 12 })

    expect(lines()).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d\.\d{3} info {2}payment settled paymentId=pay_1 durationMs=12\n$/,
      ),
    ])
  })
})

describe('lines that repeat', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const parsed = (lines: readonly string[]): Record<string, unknown>[] =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>)

  // F107 requests that a limit refuses, and an outage that fails all of them: counted in a metric; one line a
  //  second with the number of lines that it stands for, bounded, with a stack only where the error is not
  //  understood
  it('are written once a second at most, with their number and the last of them', () => {
    const { log, lines } = openLog()
    for (let index = 0; index < 1_000; index += 1)
      log.warn('test.refused', 'refused', { code: 'unavailable', requestId: `r${index}` })
    expect(parsed(lines())).toMatchObject([{ event: 'test.refused', requestId: 'r0' }])
    expect(lines()[0]).not.toContain('repeated')

    vi.advanceTimersByTime(1_000)
    expect(parsed(lines()).slice(1)).toMatchObject([
      { event: 'test.refused', requestId: 'r999', repeated: 999 },
    ])
    log.warn('test.refused', 'refused', { code: 'unavailable' })
    vi.advanceTimersByTime(1_000)
    expect(lines()).toHaveLength(3)

    vi.advanceTimersByTime(10_000)
    expect(vi.getTimerCount()).toBe(0)
    log.warn('test.refused', 'refused', { code: 'unavailable' })
    expect(lines()).toHaveLength(4)
    expect(lines()[3]).not.toContain('repeated')
  })

  it('are counted by level, event and code', () => {
    const { log, lines } = openLog()
    for (let round = 0; round < 10; round += 1) {
      log.warn('test.refused', 'refused', { code: 'one' })
      log.warn('test.refused', 'refused', { code: 'two' })
      log.error('test.refused', 'refused', { code: 'one' })
      log.info('test.returned', 'back again')
    }
    expect(lines()).toHaveLength(4)
  })

  it('do not hide the end of each payment, nor what is looked for with debug', () => {
    const { log, lines } = openLog({ logLevel: 'debug' })
    for (let index = 0; index < 10; index += 1) {
      log.info('payment.settled', 'payment settled', { paymentId: `pay_${index}` })
      log.debug('test.served', 'served', { status: 200 })
    }
    expect(lines()).toHaveLength(20)
  })

  // F107
  it('are bounded also when each of them is another one', () => {
    const { log, lines } = openLog()
    for (let index = 0; index < 10_000; index += 1)
      log.warn('test.refused', 'refused', { code: `code-${index}` })
    expect(lines().length).toBeLessThan(1_000)
    vi.advanceTimersByTime(1_000)
    expect(lines().length).toBeLessThan(1_000)
    const total = parsed(lines()).reduce((sum, { repeated = 1 }) => sum + Number(repeated), 0)
    expect(total).toBe(10_000)
  })
})

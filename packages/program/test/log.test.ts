import { describe, expect, it } from 'vitest'
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
    log.info('payment.succeeded', { paymentId: 'pay_1', durationMs: 12 })

    expect(lines()).toHaveLength(1)
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      level: 'info',
      name: 'test',
      msg: 'payment.succeeded',
      paymentId: 'pay_1',
      durationMs: 12,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    })
  })

  it('leaves out lines below its level', () => {
    const { log, lines } = openLog({ logLevel: 'warn' })
    log.debug('one')
    log.info('two')
    log.warn('three')

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
    log.error('failed', { error: new Error('outer', { cause: error }) })

    expect(lines()[0]).not.toContain('secret-key')
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      error: { message: 'outer', cause: { code: '23505', constraint: 'payments_idempotency_key_key' } },
    })
  })

  it('cuts long messages of other errors', () => {
    const { log, lines } = openLog()
    log.error('failed', { error: new Error('x'.repeat(10_000)) })

    expect(lines()[0]?.length).toBeLessThan(2_500)
  })

  it.each(oddValues().filter(([, value]) => value !== undefined))(
    'writes a line about %s',
    (_what, error) => {
      const { log, lines } = openLog()
      log.error('failed', { error })

      expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
        msg: 'failed',
        error: { name: expect.any(String) },
      })
      expect(lines()[0]?.length).toBeLessThan(10_000)
    },
  )

  it('names only the first causes of an error, and none of their messages where it has no message', () => {
    const { log, lines } = openLog()
    const secret = Object.assign(new Error('(secret-key)'), { name: 'PostgresError' })
    log.error('failed', { error: new Error('', { cause: secret }) })
    expect(lines()[0]).not.toContain('secret-key')

    let error = new Error('deepest')
    for (let depth = 0; depth < 100_000; depth++) error = new Error('outer', { cause: error })
    log.error('failed', { error })
    expect(lines()[1]?.split('"cause"')).toHaveLength(5)
  })

  it('writes readable lines when asked to', () => {
    const { log, lines } = openLog({ logFormat: 'pretty' })
    log.info('payment.succeeded', { paymentId: 'pay_1', durationMs: 12 })

    expect(lines()).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d\.\d{3} info {2}payment\.succeeded paymentId=pay_1 durationMs=12\n$/,
      ),
    ])
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextSlot } from '../src/producer/recurring.ts'

const at = (text: string): number => Date.parse(text)

function slots(cron: string, timeZone: string, after: string, count: number): string[] {
  const found: string[] = []
  let time = at(after)
  while (found.length < count) {
    time = nextSlot(cron, timeZone, time) ?? NaN
    found.push(new Date(time).toISOString())
  }
  return found
}

test('a slot is the first one after a time, never that time itself', () => {
  expect(slots('*/15 * * * *', 'UTC', '2026-01-01T00:00:00Z', 2)).toEqual([
    '2026-01-01T00:15:00.000Z',
    '2026-01-01T00:30:00.000Z',
  ])
  expect(slots('*/10 * * * * *', 'UTC', '2026-01-01T00:00:01Z', 1)).toEqual(['2026-01-01T00:00:10.000Z'])
})

test('hours are those of the time zone', () => {
  expect(slots('0 9 * * *', 'Asia/Tokyo', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-02T00:00:00.000Z'])
  expect(slots('30 9 * * *', 'Asia/Kolkata', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T04:00:00.000Z'])
})

describe('daylight saving time', () => {
  test('keeps the hour on the clock', () => {
    expect(slots('0 12 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T11:00:00.000Z',
      '2026-03-29T10:00:00.000Z',
      '2026-03-30T10:00:00.000Z',
    ])
  })

  test('does not lose the slot of an hour that is left out', () => {
    const days = slots('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)
    expect(days).toMatchInlineSnapshot(`
      [
        "2026-03-29T01:00:00.000Z",
        "2026-03-30T00:30:00.000Z",
      ]
    `)
  })

  test('fires the slot of an hour that comes twice once', () => {
    const days = slots('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)
    expect(days).toMatchInlineSnapshot(`
      [
        "2026-10-25T00:30:00.000Z",
        "2026-10-26T01:30:00.000Z",
      ]
    `)
  })

  test('fires a slot of every hour in each of 23 and of 25 hours', () => {
    const count = (day: string, following: string): number => {
      let slot = at(day) - 1
      let found = 0
      while ((slot = nextSlot('0 * * * *', 'Europe/Berlin', slot) ?? NaN) < at(following)) found++
      return found
    }
    expect(count('2026-03-29T00:00:00+01:00', '2026-03-30T00:00:00+02:00')).toBe(23)
    expect(count('2026-10-25T00:00:00+02:00', '2026-10-26T00:00:00+01:00')).toBe(25)
  })
})

test('slots of any schedule lie strictly after one another', () => {
  const anyCron = fc.constantFrom('* * * * *', '*/7 3 * * *', '0 0 29 2 *', '*/20 * * * * *', '0 12 * * 1-5')
  const anyZone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
  const anyTime = fc.integer({ min: at('2025-01-01'), max: at('2030-01-01') })
  fc.assert(
    fc.property(anyCron, anyZone, anyTime, (cron, zone, time) => {
      const first = nextSlot(cron, zone, time) ?? NaN
      const second = nextSlot(cron, zone, first) ?? NaN
      expect(first).toBeGreaterThan(time)
      expect(second).toBeGreaterThan(first)
    }),
  )
})

test('a day that never comes has no slot', () => {
  expect(nextSlot('0 0 30 2 *', 'UTC', at('2026-01-01'))).toBeUndefined()
})

test.each([
  ['', 'UTC'],
  ['* * * *', 'UTC'],
  ['* * * * * * *', 'UTC'],
  ['2026-01-01T00:00:00', 'UTC'],
  ['61 * * * *', 'UTC'],
  ['every day', 'UTC'],
  ['* * * * *', 'Mars/Olympus'],
])('"%s" in %s is no schedule', (cron, zone) => {
  expect(() => nextSlot(cron, zone, 0)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
})

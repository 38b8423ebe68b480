import { expect, test } from 'vitest'
import { isTimeZone } from '../src/index.ts'

test.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Asia/Calcutta', 'Europe/Kyiv', 'Etc/GMT+5'])(
  '%s is the name of a time zone',
  (name) => {
    expect(isTimeZone(name)).toBe(true)
  },
)

// PostgreSQL would take the sign of an offset the other way round, and CET without its summer time.
test.each(['', 'Mars', 'Mars/Base', '+05:00', 'UTC+5', 'CET', 'Europe/', "Europe/Berlin'", '../etc/passwd'])(
  '%j is none',
  (name) => {
    expect(isTimeZone(name)).toBe(false)
  },
)

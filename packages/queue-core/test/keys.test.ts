import { expect, test } from 'vitest'
import { checkQueueName } from '../src/model/errors.ts'
import { keysOf } from '../src/redis/keys.ts'

test('all keys of a queue share its hash tag, and no two are the same', () => {
  const { base: _base, partition: _partition, streams, processed, ...others } = keysOf('titan', 'payments')
  const all = [...streams, ...Object.values(others), processed('1')]
  expect(new Set(all).size).toBe(all.length)
  for (const key of all) expect(key).toMatch(/^titan:\{payments\}:/)
})

test('the names of the keys are what is documented', () => {
  expect(keysOf('titan', 'payments')).toMatchInlineSnapshot(`
    {
      "base": "titan:{payments}",
      "control": "titan:{payments}:control",
      "delayed": "titan:{payments}:delayed",
      "delayedJobs": "titan:{payments}:delayed:jobs",
      "dlq": "titan:{payments}:dlq",
      "live": "titan:{payments}:live",
      "ordering": "titan:{payments}:ordering",
      "parked": "titan:{payments}:parked",
      "partition": undefined,
      "paused": "titan:{payments}:paused",
      "processed": [Function],
      "rate": "titan:{payments}:rate",
      "schedules": "titan:{payments}:schedules",
      "sequence": "titan:{payments}:sequence",
      "slots": "titan:{payments}:slots",
      "streams": [
        "titan:{payments}:jobs:high",
        "titan:{payments}:jobs",
        "titan:{payments}:jobs:low",
      ],
      "tidied": "titan:{payments}:tidied",
      "workers": "titan:{payments}:workers",
    }
  `)
})

test.each(['payments', 'a', 'emails.v2', 'x-y_z:1', 'n'.repeat(100)])('%s is a name', (name) => {
  expect(checkQueueName('Queue name', name)).toBe(name)
})

test.each(['', 'a b', '{a}', 'ä', 'a\n', 'n'.repeat(101)])('%j is no name', (name) => {
  expect(() => checkQueueName('Queue name', name)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTIONS' }),
  )
})

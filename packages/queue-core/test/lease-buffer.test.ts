import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LeaseBuffer } from '../src/worker/lease-buffer.ts'
import { createHeldLease, type HeldLease } from '../src/worker/held-lease.ts'
import { DEFAULT_WEIGHTS, type Level } from '../src/model/levels.ts'

let made = 0

function hold(level: Level): HeldLease {
  const claimed = { entryId: `${++made}-0`, deliveryCount: 1, level, fields: [], job: undefined }
  return createHeldLease(claimed, String(made), 1_000, 0)
}

function takeAll(buffer: LeaseBuffer): HeldLease[] {
  const taken: HeldLease[] = []
  for (let lease = buffer.next(); lease !== undefined; lease = buffer.next()) taken.push(lease)
  return taken
}

describe('a buffer', () => {
  test('gives jobs of a level in order, those taken over first', () => {
    const buffer = new LeaseBuffer(DEFAULT_WEIGHTS)
    const [first, second, reclaimed] = [hold(1), hold(1), hold(1)]
    buffer.push(first)
    buffer.push(second)
    buffer.pushFront(reclaimed)
    expect(takeAll(buffer)).toEqual([reclaimed, first, second])
  })

  test('is strict or weighted as its worker is', () => {
    const levels = (weights: readonly number[] | undefined): number[] => {
      const buffer = new LeaseBuffer(weights)
      for (const level of [2, 2, 1, 1, 0, 0] as const) buffer.push(hold(level))
      return takeAll(buffer).map((lease) => lease.level)
    }
    expect(levels(undefined)).toEqual([0, 0, 1, 1, 2, 2])
    expect(levels([1, 1, 1])).toEqual([0, 1, 2, 0, 1, 2])
  })

  test('gives no job whose lease is lost', () => {
    const buffer = new LeaseBuffer(DEFAULT_WEIGHTS)
    const [lost, kept] = [hold(1), hold(1)]
    buffer.push(lost)
    buffer.push(kept)
    lost.lost = true
    expect(takeAll(buffer)).toEqual([kept])
    buffer.push(lost)
    expect(buffer.drain()).toEqual([])
    expect(buffer.size).toBe(0)
  })
})

test('jobs that would be started last are taken out first', () => {
  const buffer = new LeaseBuffer(DEFAULT_WEIGHTS)
  const [high, first, second, low] = [hold(0), hold(1), hold(1), hold(2)]
  for (const lease of [high, first, second, low]) buffer.push(lease)
  expect(buffer.takeLast(2)).toEqual([low, second])
  expect(takeAll(buffer)).toEqual([high, first])
})

test('whatever is put in comes out once, and the size is what is in it', () => {
  const anyStep = fc.oneof(
    fc.constantFrom('next' as const, 'drain' as const),
    fc.nat(5),
    fc.record({ level: fc.constantFrom<Level>(0, 1, 2), front: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 100 }), fc.boolean(), (steps, strict) => {
      const buffer = new LeaseBuffer(strict ? undefined : DEFAULT_WEIGHTS)
      const inside = new Set<HeldLease>()
      const takeOut = (lease: HeldLease): void => expect(inside.delete(lease)).toBe(true)
      for (const step of steps) {
        if (typeof step === 'number') {
          const taken = buffer.takeLast(step)
          expect(taken).toHaveLength(Math.min(step, inside.size))
          for (const lease of taken) takeOut(lease)
        } else if (step === 'drain') {
          for (const lease of buffer.drain()) takeOut(lease)
          expect(inside.size).toBe(0)
        } else if (step === 'next') {
          const lease = buffer.next()
          expect(lease === undefined).toBe(inside.size === 0)
          if (lease !== undefined) takeOut(lease)
        } else {
          const lease = hold(step.level)
          inside.add(lease)
          if (step.front) buffer.pushFront(lease)
          else buffer.push(lease)
        }
        expect(buffer.size).toBe(inside.size)
      }
    }),
  )
})

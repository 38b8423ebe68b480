import { expect, test } from 'vitest'
import { gapsByFault, longestGap } from '../src/gaps.ts'

// One every second, and none between 103 s and 110 s.
const times = [100, 101, 103, 102, 110, 111, 112].map((second) => second * 1_000)
const kill = { fault: 'redis_kill', from: 103_100, to: 104_000 }
const earlier = { fault: 'program_kill', from: 95_000, to: 95_000 }

test('the longest gap lies under the faults of its time', () => {
  expect(longestGap(times, [earlier, kill])).toEqual({ ms: 7_000, faults: ['redis_kill'] })
  expect(longestGap(times, [])).toEqual({ ms: 7_000, faults: [] })
})

test('a gap belongs to a fault that ended shortly before it, and to one that has not ended', () => {
  expect(longestGap(times, [{ ...kill, from: 102_500, to: 102_600 }])?.faults).toEqual(['redis_kill'])
  expect(longestGap(times, [{ ...kill, to: Infinity }, kill])?.faults).toEqual(['redis_kill'])
})

test('fewer than two events have no gap between them', () => {
  expect(longestGap([100_000], [kill])).toBeUndefined()
})

test('each kind of fault has its own longest gap', () => {
  const later = { fault: 'program_kill', from: 111_200, to: 111_200 }
  const again = { ...kill, from: 100_500, to: 100_500 }
  expect(gapsByFault(times, [again, kill, later])).toEqual({ redis_kill: 7_000, program_kill: 1_000 })
})

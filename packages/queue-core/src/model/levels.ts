import { invalidOptions } from './errors.ts'
import { quote } from './text-of.ts'

/** The three priorities of a job. */
export type Priority = 'high' | 'default' | 'low'

/** A priority's place in every list of streams: 0 is served first. */
export type Level = 0 | 1 | 2

/** All levels in serving order. */
export const LEVELS: readonly Level[] = [0, 1, 2]

/** All priorities in serving order. */
export const PRIORITIES: readonly Priority[] = ['high', 'default', 'low']

/** Whether it is one of the three. */
export function isPriority(value: unknown): value is Priority {
  return PRIORITIES.some((priority) => priority === value)
}

/** Shares of the work taken per level while all levels have a backlog. */
export const DEFAULT_WEIGHTS: readonly number[] = [6, 3, 1]

/** The place of a priority. @throws {QueueError} `INVALID_OPTIONS` */
export function levelOf(priority: Priority): Level {
  if (priority === 'default') return 1
  const level = PRIORITIES.indexOf(priority)
  if (level !== -1) return level as Level
  const advice = typeof priority === 'number' ? ': a priority is one of these names, not a number' : ''
  throw invalidOptions(`priority must be high, default or low, got ${quote(priority)}${advice}`)
}

/** The priority at a place. */
export function priorityOf(level: Level): Priority {
  return PRIORITIES[level] ?? 'default'
}

/** Picks one of the levels that `has` accepts. */
export type Picker = (has: (level: Level) => boolean) => Level

/**
 * Chooses the level to serve next. Weighted: smooth weighted round robin, so a level with a backlog
 * and a weight is never starved. Strict (no weights): always the highest level that has work.
 */
export function createPicker(weights: readonly number[] | undefined): Picker {
  if (weights === undefined) return (has) => LEVELS.find(has) ?? 1
  const credit = [0, 0, 0]
  return (has) => {
    let best: Level = 1
    let most = -Infinity
    let total = 0
    for (const level of LEVELS) {
      if (!has(level)) continue
      const weight = weights[level] ?? 1
      total += weight
      const now = (credit[level] = (credit[level] ?? 0) + weight)
      if (now > most) {
        most = now
        best = level
      }
    }
    credit[best] = (credit[best] ?? 0) - total
    return best
  }
}

/** Draws `count` jobs from the levels that `has` accepts, one by one: how many of each level. */
export function drawLevels(count: number, pick: Picker, has: (level: Level) => boolean): number[] {
  const shares = [0, 0, 0]
  if (!LEVELS.some(has)) return shares
  for (let drawn = 0; drawn < count; drawn++) {
    const level = pick(has)
    shares[level] = (shares[level] ?? 0) + 1
  }
  return shares
}

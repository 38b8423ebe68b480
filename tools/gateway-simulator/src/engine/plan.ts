import type { Behaviour } from '../script/behaviour.ts'
import type { Answer } from '../stripe/answer.ts'
import { FAULT, invalidRequest } from '../stripe/errors.ts'

/** What a behaviour means for a request that moves money; `answer` is what the client gets in place of the truth. */
export type Plan =
  | { readonly type: 'move' | 'wait'; readonly answer?: Answer }
  | { readonly type: 'decline'; readonly code: string }
  | { readonly type: 'action' }
  | { readonly type: 'nothing'; readonly answer: Answer }

/** Reads a behaviour. */
export function planOf({ execution, later }: Behaviour): Plan {
  switch (execution.type) {
    case 'charge':
      return { type: later?.type === 'charge' || later?.type === 'decline' ? 'wait' : 'move' }
    case 'decline':
      return execution
    case 'action':
      return { type: 'action' }
    case 'invalid': {
      const { param } = execution
      return { type: 'nothing', answer: invalidRequest('parameter_invalid', param, `Invalid ${param}`) }
    }
    case 'fault':
      if (execution.charges) return { type: 'move', answer: FAULT }
      return later === null ? { type: 'nothing', answer: FAULT } : { type: 'wait', answer: FAULT }
  }
}

/** Returns the amount that a capture or refund really takes: a wrong amount is a smaller one, never above its bound. */
export function amountTaken(amount: number, { execution }: Behaviour): number {
  return execution.type === 'charge' && execution.amountBy > 0 && amount > 1 ? amount - 1 : amount
}

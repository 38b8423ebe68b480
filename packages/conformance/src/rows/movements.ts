import type { ChargeOutcome, ChargeRequest } from '../gateway.ts'
import { describe, Mismatch, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import { movementOf, requireMoney, type Trial } from '../trial.ts'

type Moved = Extract<ChargeOutcome, { readonly type: 'SUCCEEDED' | 'PENDING' }>

const ONCE = 'Move once per gatewayKey, and return SUCCEEDED, or PENDING while the gateway decides.'

interface Charged {
  readonly request: ChargeRequest
  readonly gatewayRef: string
}

async function authorize(trial: Trial): Promise<Charged> {
  await trial.optional('move')
  const request = trial.newCharge({ ...trial.suite.check.samples.succeeds, capture: 'manual' })
  const outcome = requireType(await trial.charge(request), 'AUTHORIZED')
  requireMoney(outcome, request)
  return { request, gatewayRef: outcome.gatewayRef }
}

async function charge(trial: Trial): Promise<Charged> {
  await trial.optional('move')
  const request = trial.newCharge()
  const { gatewayRef } = requireType(await trial.charge(request), 'SUCCEEDED')
  return { request, gatewayRef }
}

/** Moves, and repeats it: nothing else may happen under the key. */
async function moveTwice(
  trial: Trial,
  kind: 'capture' | 'void' | 'refund',
  { request, gatewayRef }: Charged,
  amount: number = request.amount,
): Promise<Moved> {
  const movement = movementOf(kind, request, gatewayRef, amount)
  const moved = requireMoved(await trial.move(movement), movement)
  const repeat = requireMoved(await trial.move(movement), movement)
  if (moved.gatewayRef !== repeat.gatewayRef)
    throw new Mismatch(`${kind} ${moved.gatewayRef}, then ${repeat.gatewayRef}`)
  return moved
}

function requireMoved(outcome: ChargeOutcome, wanted: { amount: number; currency: string }): Moved {
  const moved = requireType(outcome, 'SUCCEEDED', 'PENDING')
  if (moved.type === 'SUCCEEDED') requireMoney(moved, wanted)
  return moved
}

function movementRow(behaviour: string, run: (trial: Trial) => Promise<ChargeOutcome>): Row {
  return {
    behaviour,
    expected: 'SUCCEEDED or PENDING, the same when repeated',
    advice: ONCE,
    run: async (trial) => describe(await run(trial)),
  }
}

/** Captures, voids and refunds. */
export const MOVEMENT_ROWS: readonly Row[] = [
  movementRow('capture: the whole amount', async (trial) =>
    moveTwice(trial, 'capture', await authorize(trial)),
  ),
  movementRow('capture: a part', async (trial) => {
    const authorized = await authorize(trial)
    return moveTwice(trial, 'capture', authorized, half(authorized))
  }),
  movementRow('void: an authorization', async (trial) => moveTwice(trial, 'void', await authorize(trial))),
  movementRow('refund: the whole amount', async (trial) => moveTwice(trial, 'refund', await charge(trial))),
  movementRow('refund: in two parts', async (trial) => {
    const charged = await charge(trial)
    const first = await moveTwice(trial, 'refund', charged, half(charged))
    const rest = await moveTwice(trial, 'refund', charged, charged.request.amount - half(charged))
    if (rest.gatewayRef !== undefined && rest.gatewayRef === first.gatewayRef)
      throw new Mismatch('the second refund is the first')
    return rest
  }),
  {
    behaviour: 'refund: more than is left',
    expected: 'DECLINED, REJECTED or PENDING',
    advice: 'Return DECLINED or REJECTED with the code of the gateway.',
    async run(trial) {
      const charged = await charge(trial)
      const movement = movementOf('refund', charged.request, charged.gatewayRef)
      const whole = requireType(await trial.move(movement), 'SUCCEEDED', 'PENDING')
      const second = movementOf('refund', charged.request, charged.gatewayRef, 1)
      const outcome = requireType(await trial.move(second), 'DECLINED', 'REJECTED', 'PENDING')
      if (whole.type === 'SUCCEEDED' && outcome.type === 'PENDING') throw new Mismatch(describe(outcome))
      return describe(outcome)
    },
  },
  {
    behaviour: 'void: after a capture',
    expected: 'DECLINED, REJECTED or PENDING',
    advice: 'What was captured cannot be voided: return DECLINED or REJECTED with the code of the gateway.',
    async run(trial) {
      const authorized = await authorize(trial)
      const { request, gatewayRef } = authorized
      await moveTwice(trial, 'capture', authorized)
      const outcome = await trial.move(movementOf('void', request, gatewayRef))
      return describe(requireType(outcome, 'DECLINED', 'REJECTED', 'PENDING'))
    },
  },
]

function half({ request }: Charged): number {
  return Math.floor(request.amount / 2)
}

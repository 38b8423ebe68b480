import { closeWithin } from '../close.ts'
import type { ChargeRequest, CheckedServer, Gateway, GatewayWebhook } from '../gateway.ts'
import { Mismatch, NotChecked, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import type { Trial } from '../trial.ts'

interface Signing {
  readonly parse: (...given: Parameters<NonNullable<Gateway['parseWebhook']>>) => Promise<GatewayWebhook>
  readonly sign: NonNullable<CheckedServer['webhook']>
  readonly request: ChargeRequest
}

async function signing(trial: Trial): Promise<Signing> {
  const parseWebhook = await trial.optional('parseWebhook')
  const sign = trial.suite.server?.webhook
  if (sign === undefined) throw new NotChecked('the server of the check file has no webhook')
  const request = trial.newCharge()
  const parse: Signing['parse'] = async (body, signature) => {
    try {
      return await parseWebhook(body, signature)
    } catch (error) {
      throw new Mismatch(`parseWebhook throws ${String(error)}`, 'Return REFUSED instead of throwing.')
    }
  }
  return { parse, sign, request }
}

/** The one event of a webhook, which may come as a batch. @throws Mismatch */
function requireEvent(webhook: GatewayWebhook): Extract<GatewayWebhook, { readonly type: 'EVENT' }> {
  const [event, ...more] = webhook.type === 'BATCH' ? webhook.items : [webhook]
  if (event?.type === 'EVENT' && more.length === 0) return event
  throw new Mismatch(event?.type === 'REFUSED' ? `REFUSED: ${event.reason}` : webhook.type)
}

function requireRefused(webhook: GatewayWebhook): string {
  if (webhook.type !== 'REFUSED') throw new Mismatch(webhook.type)
  return `REFUSED ${webhook.cause}`
}

const VERIFY = 'Verify the signature over the received bytes, in constant time, before reading the body.'
const DAY_MS = 86_400_000

function refusedRow(
  behaviour: string,
  advice: string,
  parse: (signing: Signing, trial: Trial) => Promise<GatewayWebhook>,
): Row {
  return {
    behaviour: `webhook: ${behaviour}`,
    expected: 'REFUSED',
    advice,
    run: async (trial) => requireRefused(await parse(await signing(trial), trial)),
  }
}

/** What is believed of webhooks. */
export const WEBHOOK_ROWS: readonly Row[] = [
  {
    behaviour: 'webhook: a charge succeeded',
    expected: 'EVENT of its payment and attempt, SUCCEEDED',
    advice:
      'Return EVENT with paymentId and attemptNo, which the key names, and the same eventId for each copy.',
    async run(trial) {
      const { parse, sign, request } = await signing(trial)
      const { body, signature } = sign(request, new Date())
      const event = requireEvent(await parse(body, signature))
      const copy = requireEvent(await parse(Buffer.from(body), signature))
      if (event.paymentId !== request.paymentId || event.attemptNo !== request.attemptNo)
        throw new Mismatch(`about attempt ${event.attemptNo} of ${event.paymentId}`)
      if (copy.eventId !== event.eventId) throw new Mismatch('a copy has another eventId')
      return `EVENT ${requireType(event.outcome, 'SUCCEEDED').type}`
    },
  },
  refusedRow('a byte changed on the way', VERIFY, async ({ parse, sign, request }) => {
    const { body, signature } = sign(request, new Date())
    return parse(body.replace(String(request.amount), String(request.amount + 1)), signature)
  }),
  refusedRow('no signature', VERIFY, async ({ parse, sign, request }) => {
    const { body, signature } = sign(request, new Date())
    if (signature === undefined) throw new NotChecked('the body holds the signature')
    return parse(body, undefined)
  }),
  refusedRow('no event at all', VERIFY, async ({ parse, sign, request }) =>
    parse('null', sign(request, new Date()).signature),
  ),
  refusedRow('signed with another secret', VERIFY, async ({ sign, request }, trial) => {
    const { environment, secrets } = trial.suite.check
    const variables = { ...environment(trial.proxy.url) }
    for (const name of secrets) variables[name] = otherSecret(variables[name] ?? '')
    const gateway = await trial.suite.create(variables)
    const { body, signature } = sign(request, new Date())
    const webhook = gateway.parseWebhook?.(body, signature)
    await closeWithin(trial.suite.graceMs, gateway)
    if (webhook === undefined) throw new NotChecked('the adapter has no parseWebhook')
    return webhook
  }),
  {
    behaviour: 'webhook: a copy, a day later',
    expected: 'REFUSED, or the same eventId where the gateway signs no time',
    advice:
      'Refuse what was signed more than some minutes ago, or after now, when the signature holds the time.',
    async run(trial) {
      const { parse, sign, request } = await signing(trial)
      const [now, old] = [sign(request, new Date()), sign(request, new Date(Date.now() - DAY_MS))]
      if (now.signature !== old.signature) return requireRefused(await parse(old.body, old.signature))
      const event = requireEvent(await parse(now.body, now.signature))
      const copy = requireEvent(await parse(old.body, old.signature))
      if (event.eventId !== copy.eventId) throw new Mismatch('a copy has another eventId')
      return 'the same eventId'
    },
  },
]

/** Another secret of the same form: its last digit or letter differs. */
function otherSecret(secret: string): string {
  return secret.replace(/[0-9a-z](?=[^0-9a-z]*$)/i, (last) => (last === '0' ? '1' : '0'))
}

import { WebhooksError, WebhookStore } from '@titan/webhooks'
import * as v from 'valibot'
import type { Session } from './access/session.ts'
import type { Mount } from './acts.ts'
import type { Services } from './services.ts'
import { pathTo } from './web/paths.ts'
import { Refusal } from './web/refusal.ts'

const redeliverForm = v.object({
  endpoint: v.pipe(v.string(), v.regex(/^we_\w{1,64}$/, 'The form is incomplete: reload the page.')),
})

/** Mounts the redelivery of webhooks: with an API key, only those of its account. */
export function mountWebhookActs(mount: Mount, { sql }: Services): void {
  const ofAll = new WebhookStore(sql, { encryptionKeys: [] })
  const redeliver = async ({ key }: Session, deliveryId: string): Promise<string> => {
    // As the API: these keys decide who receives events.
    if (key !== undefined && key.scope !== 'admin')
      throw new Refusal(403, 'Sign in with an API key of the scope admin to do this')
    try {
      const webhooks = key === undefined ? ofAll : ofAll.of(key.account)
      return `${await webhooks.redeliver({ deliveryId })} deliveries`
    } catch (error) {
      if (!(error instanceof WebhooksError)) throw error
      throw new Refusal(error.code === 'ENDPOINT_DISABLED' ? 409 : 404, error.message)
    }
  }
  mount('/webhook-deliveries/:id/redeliver', redeliverForm, ({ endpoint }, parameter) => ({
    action: 'webhook.redeliver',
    target: parameter('id'),
    perform: (by) => redeliver(by, parameter('id')),
    page: pathTo(['webhook-endpoints', endpoint], { done: 'redelivered' }),
  }))
}

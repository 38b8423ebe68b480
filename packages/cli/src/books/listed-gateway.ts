import {
  atPlace,
  CredentialStore,
  PaymentsError,
  readPlace,
  type Database,
  type Gateway,
  type Gateways,
  type KnownGatewayPlan,
  type KnownGateways,
} from '@titan/payments'
import { isInstance } from '@titan/queue-core/text-of'
import { Failure } from '@titan/service'
import { SecretBox, type WebhooksConfig } from '@titan/webhooks'

interface Wanted {
  readonly known: KnownGatewayPlan
  /** A gateway or a place. @default the only one with a list */
  readonly wanted: string | undefined
  readonly sql: Database
  /** Its keys open the credentials of places. */
  readonly webhooks: WebhooksConfig | undefined
}

/** Runs work with a gateway that has a list. @throws Failure when there is none, or when it cannot be asked */
export async function withListedGateway<Value>(
  { known, wanted, sql, webhooks }: Wanted,
  use: (gateway: Gateway) => Promise<Value>,
): Promise<Value> {
  const opened = await known.open()
  const credentials = new CredentialStore(sql, new SecretBox(webhooks?.encryptionKeys ?? []))
  let place: Gateway | undefined
  try {
    if (wanted !== undefined && readPlace(wanted) !== undefined)
      place = await openPlace(opened, credentials, wanted)
    return await use(place ?? gatewayWithList(opened.lookUp, wanted))
  } catch (error) {
    throw isInstance(error, PaymentsError) ? new Failure(error.message, { cause: error }) : error
  } finally {
    await place?.close?.()
    await opened.lookUp?.close()
  }
}

/** @throws Failure that quotes no credentials */
async function openPlace(
  { accepting, create }: KnownGateways,
  credentials: CredentialStore,
  place: string,
): Promise<Gateway> {
  const found = await credentials.find(place)
  if (found === undefined)
    throw new Failure(`there are no credentials ${place}: see titan accounts credentials list`)
  if (accepting?.some(({ name }) => name === found.gateway) !== true) throw withoutList(found.gateway)
  let gateway: Gateway
  try {
    gateway = await create(found.gateway, credentials.open(found))
  } catch {
    throw new Failure(
      `the credentials ${place} make no gateway: use WEBHOOK_ENCRYPTION_KEY and the settings of the workers`,
    )
  }
  if (gateway.list === undefined) throw withoutList(found.gateway)
  return atPlace(gateway, place)
}

function withoutList(name: string): Failure {
  return new Failure(`GATEWAYS must name ${name} with a list to compare: use the settings of the workers`)
}

/** @throws Failure */
function gatewayWithList(gateways: Gateways | undefined, wanted: string | undefined): Gateway {
  const names = gateways?.names.filter((name) => gateways.get(name)?.list !== undefined) ?? []
  const [name = '', ...others] = names.filter((one) => wanted === undefined || one === wanted)
  const gateway = gateways?.get(name)
  if (gateway === undefined) throw withoutList(wanted ?? 'a gateway')
  if (others.length > 0) throw new Failure(`--gateway must be one of ${names.join(', ')}`)
  return gateway
}

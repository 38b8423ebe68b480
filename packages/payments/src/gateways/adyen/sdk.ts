import { createRequire } from 'node:module'
import type { Client, EnvironmentEnum, hmacValidator } from '@adyen/api-library'
import type { ModificationsApi } from '@adyen/api-library/lib/src/services/checkout/modificationsApi.js'
import type { PaymentsApi } from '@adyen/api-library/lib/src/services/checkout/paymentsApi.js'

type ClientOptions = ConstructorParameters<typeof Client>[0]
type HttpClient = NonNullable<ConstructorParameters<typeof Client>[1]>

/** The parts of the SDK that move money. */
export interface AdyenApi {
  readonly payments: PaymentsApi
  readonly modifications: ModificationsApi
}

/** Loads a file of the SDK on demand: with all of its APIs, which the SDK's own entry holds, it takes more than a second. */
function load(path: string): unknown {
  return createRequire(import.meta.url)(`@adyen/api-library/lib/src/${path}`)
}

interface ApiOptions {
  readonly apiKey: string
  readonly isLive: boolean
  readonly livePrefix: string | undefined
}

/** Creates the SDK's client for payments on an HTTP client of ours. */
export function createApi({ apiKey, isLive, livePrefix }: ApiOptions, httpClient: HttpClient): AdyenApi {
  const { default: SdkClient } = load('client') as { readonly default: typeof Client }
  const sdk = load('services/checkout/paymentsApi') as { readonly PaymentsApi: typeof PaymentsApi }
  const more = load('services/checkout/modificationsApi') as {
    readonly ModificationsApi: typeof ModificationsApi
  }
  const { EnvironmentEnum: environments } = load('config') as {
    readonly EnvironmentEnum: typeof EnvironmentEnum
  }
  const options: ClientOptions = {
    apiKey,
    environment: isLive ? environments.LIVE : environments.TEST,
    enable308Redirect: false,
  }
  if (livePrefix !== undefined) options.liveEndpointUrlPrefix = livePrefix
  const client = new SdkClient(options, httpClient)
  return { payments: new sdk.PaymentsApi(client), modifications: new more.ModificationsApi(client) }
}

/** Creates the SDK's check of signatures. */
export function createValidator(): hmacValidator {
  const { default: Validator } = load('utils/hmacValidator') as { readonly default: typeof hmacValidator }
  return new Validator()
}

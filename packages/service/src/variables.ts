/** An environment variable without a flag: a secret, which the list of processes would show, or one of many details. */
export interface Variable {
  readonly env: string
  readonly about: string
  /** The default; '' when there is none. @default '' */
  readonly shown?: string
}

/** Variables that belong together, as `--help` shows them. */
export interface VariableGroup {
  readonly title: string
  readonly variables: readonly Variable[]
}

/** The signing secret of Stripe's webhooks, which API and worker need. */
const stripeWebhookSecret: Variable = {
  env: 'STRIPE_WEBHOOK_SECRET',
  about: 'what Stripe signs its webhooks with (whsec_…)',
}

/** What `gatewayFromEnv` reads beside the choice of the gateway. */
export const gatewayVariables: readonly VariableGroup[] = [
  {
    title: 'Stripe, with GATEWAY=stripe',
    variables: [
      { env: 'STRIPE_SECRET_KEY', about: 'secret or restricted key (sk_…, rk_…); required' },
      {
        env: 'STRIPE_PAYMENT_METHOD',
        about: 'what is charged; required unless the key is a test key',
        shown: 'pm_card_visa',
      },
      { env: 'STRIPE_API_BASE', about: 'another server than Stripe’s, such as a simulator' },
      stripeWebhookSecret,
    ],
  },
  {
    title: 'Limits of the gateway, in each process (stripe has 20, 20 and the breaker; simulated has none)',
    variables: [
      { env: 'GATEWAY_MAX_CONCURRENT', about: 'most calls at the same time' },
      { env: 'GATEWAY_RATE_PER_SECOND', about: 'most calls a second' },
      { env: 'GATEWAY_BREAKER', about: 'true or false: stop calling for a while when calls fail' },
      { env: 'GATEWAY_BREAKER_FAILURE_SHARE', about: 'share of failed calls that stops them, 0..1' },
      { env: 'GATEWAY_BREAKER_WINDOW', about: 'how many of the latest calls are looked at' },
      { env: 'GATEWAY_BREAKER_MIN_CALLS', about: 'fewer calls than this say nothing' },
      { env: 'GATEWAY_BREAKER_OPEN_MS', about: 'pause before the first try after that' },
      { env: 'GATEWAY_BREAKER_MAX_OPEN_MS', about: 'upper bound of that pause, which grows' },
    ],
  },
]

/** What `gatewayWebhooksFromEnv` reads. */
export const gatewayWebhookVariables: VariableGroup = {
  title: 'Webhooks of gateways, taken at POST /gateway-webhooks/{gateway}',
  variables: [stripeWebhookSecret],
}

/** What `loadWebhooksConfig` reads. */
export const webhookVariables: VariableGroup = {
  title: 'Outgoing webhooks, the same for titan-api and titan-worker',
  variables: [
    {
      env: 'WEBHOOK_ENCRYPTION_KEY',
      about:
        '32 random bytes, base64 or hexadecimal; several with commas, the newest first; without: no webhooks',
    },
    { env: 'WEBHOOK_ALLOW_HTTP', about: 'endpoints with http: too', shown: 'false' },
    { env: 'WEBHOOK_ALLOWED_PORTS', about: 'ports of endpoints, with commas', shown: '443,80,8443' },
    { env: 'WEBHOOK_ALLOWED_SUBNETS', about: 'subnets that may be reached although they are not public' },
    {
      env: 'WEBHOOK_RETRY_DELAYS_MS',
      about: 'delay before each attempt, with commas',
      shown: 'ten, over three days',
    },
    { env: 'WEBHOOK_TIMEOUT_MS', about: 'longest request', shown: '15000' },
    { env: 'WEBHOOK_CONCURRENCY', about: 'requests of a process at the same time', shown: '64' },
    {
      env: 'WEBHOOK_ENDPOINT_CONCURRENCY',
      about: 'requests to one endpoint at the same time, over all processes',
      shown: '8',
    },
    { env: 'WEBHOOK_RETENTION_MS', about: 'when events that have ended are deleted', shown: '2592000000' },
  ],
}

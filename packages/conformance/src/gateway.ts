// The types that an adapter is written with: `@titan/cli/gateway` in the published package.
import type { ActionResult, ChargeOutcome, ChargeRequest, Gateway } from '@titan/payments/gateway'

export type {
  ActionResult,
  ChargeOutcome,
  ChargeRequest,
  Gateway,
  GatewayRecord,
  GatewayWebhook,
  ListRequest,
  LookupAnswer,
  LookupRequest,
  MovementRequest,
  RecordPage,
  WebhookRefusal,
} from '@titan/payments/gateway'

/** The default export of an adapter's module. The environment holds its variables, which begin with its name. */
export type GatewayFactory = (
  environment: Readonly<Record<string, string | undefined>>,
) => Gateway | Promise<Gateway>

/** What a charge of the suite consists of; the suite adds ids and keys. */
export type SampleRequest = Pick<ChargeRequest, 'amount' | 'currency'> &
  Partial<Omit<ChargeRequest, 'paymentId' | 'attemptNo' | 'gatewayKey'>>

type NextAction = Extract<ChargeOutcome, { readonly type: 'REQUIRES_ACTION' }>['nextAction']

/** An amount in minor units of its currency. */
export interface Money {
  readonly amount: number
  readonly currency: string
}

/** The gateway's side of a check: its sandbox, or a server that behaves like it. */
export interface CheckedServer {
  /** Address without a path, such as `https://sandbox.acme.example`. */
  readonly url: string
  /** Reads from the gateway's books what was charged for a request. @default the suite compares ids of charges only */
  readonly charges?: ((request: ChargeRequest) => Promise<readonly Money[]>) | undefined
  /**
   * Makes a webhook about a successful charge as the gateway signs it at `at`: its body, and the header with the signature,
   * which is left out where the body holds it. @default webhooks are not checked
   */
  readonly webhook?:
    | ((
        request: ChargeRequest,
        at: Date,
      ) => { readonly body: string; readonly signature?: string | undefined })
    | undefined
  /** Answers a charge's question as its customer, and returns what comes back. @default `completeAction` is not checked */
  readonly answerAction?: ((nextAction: NextAction) => Promise<ActionResult['result']>) | undefined
  close?(): Promise<void>
}

/** What the suite has to know of a gateway: the default export of `acme.check.js`, next to `acme.js`. */
export interface GatewayCheck {
  /** Starts a test server, or names one that runs. Undefined: the adapter needs no network, which is then not checked. */
  readonly start?: (() => CheckedServer | Promise<CheckedServer>) | undefined
  /** The variables with which the adapter talks to `url`. */
  readonly environment: (url: string) => Readonly<Record<string, string>>
  /** Names of the variables above that hold secrets. */
  readonly secrets: readonly string[]
  readonly samples: {
    readonly succeeds: SampleRequest
    /** A decline that is final. */
    readonly declinedHard: SampleRequest
    /** A decline that a later attempt may change. @default not checked */
    readonly declinedSoft?: SampleRequest | undefined
    /** The bank asks the customer; the suite adds `customerPresent` and `returnUrl`. @default not checked */
    readonly asksCustomer?: SampleRequest | undefined
  }
  /** Which of these the gateway charges. @default ['JPY', 'KWD'] */
  readonly currencies?: readonly string[] | undefined
}

/** One piece of source that is replaced. It occurs once in its file. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** A bug that is planted: without a guard, or without several that stand behind each other. */
export interface Mutant {
  /** The guard that is gone. */
  readonly guard: string
  readonly edits: readonly Edit[]
  /** Test files that have to notice, each of them. */
  readonly tests: readonly string[]
}

const DECISIONS = 'packages/payments/test/routing.test.ts'
const DATABASE = 'packages/payments/test/routing.pg.test.ts'
const DECIDE = 'packages/payments/test/decision.test.ts'
const CLAIMS = 'packages/payments/test/claim.pg.test.ts'
const LATE = 'packages/payments/test/late-charge.pg.test.ts'
const TOKENS = 'packages/payments/test/token-gateway.pg.test.ts'
const RULES = 'packages/payments/test/routing-rules.pg.test.ts'
const ORACLE = 'packages/payments/test/routing-oracle.pg.test.ts'

const ROUTING = 'packages/payments/src/domain/routing.ts'
const TRIES = 'packages/payments/src/domain/further-tries.ts'
const DECLINES = 'packages/payments/src/domain/declines.ts'
const DECISION = 'packages/payments/src/domain/decision.ts'
const ADMISSION = 'packages/payments/src/flow/admission.ts'
const HANDLER = 'packages/payments/src/flow/pay-handler.ts'
const RESULT = 'packages/payments/src/flow/write-result.ts'
const CLAIM = 'packages/payments/statements/claim.sql'
const FIRST_CLAIM = 'packages/payments/statements/claim_first.sql'
const SETTLE = 'packages/payments/statements/settle.sql'
const PLACES = 'packages/payments/statements/find_places.sql'
const TRIGGERS = 'sql/0034_routing.sql'

/** Creates the mutants of one file, each with the piece that is replaced and what by. */
function inFile(
  file: string,
  test: string,
  guards: Readonly<Record<string, readonly [string, string]>>,
): Mutant[] {
  return Object.entries(guards).map(([guard, [from, to]]) => ({
    guard,
    edits: [{ file, from, to }],
    tests: [test],
  }))
}

/** Each guard of the program, of its statements and of the database, removed alone: a test of its rule has to fail. */
const ALONE: readonly Mutant[] = [
  ...inFile(ROUTING, DECISIONS, {
    'leaves after a first send only': ["mode === 'send' && ", ''],
    'leaves without a takeover only': ['takeovers === 0 && ', ''],
    'leaves nothing that waits': ['waitsFor === null && ', ''],
    'leaves no charge that the gateway has named': [' && gatewayRef === null', ''],
    'leaves with a charge only': ["kind === 'charge' && isAlone", 'isAlone'],
    'leaves a bounded number of attempts': ['isAlone && attemptNo < MOST_ATTEMPTS', 'isAlone'],
    'continues at another gateway': ['name !== claim.gateway && isOpen(name)', 'isOpen(name)'],
    'asks no gateway again that declined': [' && isOpen(name))', ')'],
    'stays with a customer who is present': ['claim.customerPresent || ', ''],
    'continues after declines of the list': [
      ' || !mayGoElsewhere(decline, routing?.declines)) return',
      ') return',
    ],
    'repeats a first send only': [
      'if (routing === undefined || !isFirstSend(claim)) return undefined\n  if (decline',
      'if (routing === undefined) return undefined\n  if (decline',
    ],
    'repeats nothing after a final decline': ["if (decline.kind === 'hard' && ", 'if (false && '],
    'gives a token without a name to the first gateway': [
      'known.filter((name) => name === order[0])',
      'known',
    ],
    'gives each gateway its own token': [
      'known.filter((name) => Object.hasOwn(paymentMethod, name))',
      'known',
    ],
    'routes to gateways of the program': ['order.filter((name) => gateways.includes(name))', 'order'],
  }),
  ...inFile(DECLINES, DECISIONS, {
    'has a list that no rule widens': ['ELSEWHERE_CODES.includes(code) && allowed', 'allowed'],
    'lets a rule narrow the list': [' && allowed.includes(code)', ''],
    'follows the advice not to retry': [' && kind === declineKindOf(code)', ''],
    'goes nowhere without money': ["category === 'funds' ? [] : [code]", '[code]'],
  }),
  ...inFile(TRIES, DECISIONS, {
    'declines within the caps of the networks': ['const next = hasRoom ? ', 'const next = true ? '],
    'counts each round of declines': ['(next.isNewRound && retries >= policy.maxRetries)', 'false'],
    'ends rounds that reach no gateway': ["fault === 'network' && retries >= policy.maxRetries", 'false'],
  }),
  ...inFile(TRIES, DECIDE, {
    'parks what an earlier holder may send': [
      'if (claim.takeovers > 0) return review',
      'if (false) return review',
    ],
  }),
  ...inFile(DECISION, DECIDE, {
    'takes a refused repeat for no answer': ["return claim.mode === 'resolve'\n", 'return false\n'],
  }),
  ...inFile(SETTLE, RULES, {
    'closes as NOT_SENT what was not sent': [' and settlement.unsent = 1\n', '\n'],
    'continues under a lease': ["(settlement.status = 'FAILED' or lease_until > clock_timestamp())", 'true'],
    'settles under its fence': ['fence = settlement.fence and status', 'status'],
    'closes as NOT_SENT without a takeover': ['or takeovers = 0 and sends = 1', 'or sends = 1'],
    'closes as NOT_SENT what one claim may have sent': [
      'takeovers = 0 and sends = 1 and',
      'takeovers = 0 and',
    ],
  }),
  ...inFile(SETTLE, DATABASE, {
    'takes no charge on record for a failure': ['late_charge_ref is null and open_charges = 0 or', 'true or'],
  }),
  ...inFile(CLAIM, DATABASE, {
    'resolves what was sent before': ["case sends when 1 then 'send' else 'resolve' end", "'send'"],
  }),
  ...inFile(CLAIM, RULES, {
    'claims where the settlement said': ['and coalesce(next_gateway, $4::text) = $4::text\n', '\n'],
  }),
  ...inFile(FIRST_CLAIM, TOKENS, {
    'claims a plain token at its gateway': [
      "and (p.token_gateway is null or p.token_gateway = split_part($4::text, '@', 1))\n",
      '\n',
    ],
  }),
  ...inFile(ROUTING, TOKENS, {
    'routes a plain token to its gateway': ['if (tokenGateway !== null) return', 'if (false) return'],
  }),
  ...inFile(CLAIM, CLAIMS, {
    'claims nothing that is parked': ['and not needs_review\n', '\n'],
    'claims an open attempt at its gateway': [
      'or gateway is null or not attempt_open and parent_id is null)',
      'or true)',
    ],
  }),
  ...inFile(PLACES, DATABASE, {
    'skips nothing that was reclaimed': ["status = 'QUEUED' and takeovers = 0 and", "status = 'QUEUED' and"],
    'passes by nothing that has an answer': ["status = 'QUEUED' and takeovers = 0", 'takeovers = 0'],
    'finds open attempts at their gateway': [
      'when attempt_open or parent_id is not null then gateway',
      'when false then gateway',
    ],
    'finds where the next attempt begins': [
      'when next_gateway is not null then coalesce(',
      'when false then coalesce(',
    ],
  }),
  ...inFile(ADMISSION, DATABASE, {
    'passes by a gateway that is down': ['known.find((gateway) => !this.#isDown(gateway))', 'known[0]'],
    'continues at no gateway that is down': [
      'known.filter((gateway) => !this.#isDown(gateway)).map',
      'known.map',
    ],
    'sends nothing to a gateway that is down': ['{ gateway: refusing(first),', '{ gateway: first,'],
    'leaves only where nothing was sent': ['place.mayLeave && ', ''],
  }),
  ...inFile(HANDLER, DATABASE, { 'knows the attempts before': ['before } }', 'before: [] } }'] }),
  ...inFile(HANDLER, LATE, {
    'looks for a late charge before it sends': [
      'claim.attemptNo > 1 && (await',
      'claim.attemptNo > 99 && (await',
    ],
  }),
  ...inFile(RESULT, DATABASE, {
    'tells the charges of two gateways apart': ['isSame && payment.gatewayRef', 'payment.gatewayRef'],
  }),
  ...inFile(TRIGGERS, RULES, {
    'begins at the next gateway': ['if new.gateway is distinct from old.next_gateway then', 'if false then'],
    'forgets the next gateway when it is there': ['      new.next_gateway := null;\n', ''],
    'chooses no gateway for an open attempt': [
      "(new.attempt_open or new.status <> 'QUEUED'",
      "(new.status <> 'QUEUED'",
    ],
    'writes NOT_SENT of what was not sent': [
      '(new.sends <> 0 or new.takeovers <> 0)',
      '(new.takeovers <> 0)',
    ],
    'writes NOT_SENT without a takeover': ['(new.sends <> 0 or new.takeovers <> 0)', '(new.sends <> 0)'],
    'begins after an answer': ["(a.outcome = 'DECLINED'", '(true'],
    'begins after what was not sent': ['and a.sends = 0 and a.takeovers', 'and a.takeovers'],
    'needs an attempt without takeovers': [' and a.takeovers = 0 and a.gateway', ' and a.gateway'],
    'begins at another gateway after NOT_SENT': [' and a.gateway <> new.gateway)', ')'],
    'chooses no gateway for what is over': [" or new.status <> 'QUEUED' or new", ' or new'],
    'chooses no gateway for a movement': [
      " or new.parent_id is not null) then\n    raise exception 'payment %: a next",
      ") then\n    raise exception 'payment %: a next",
    ],
    'keeps an attempt at its gateway': [
      'or new.gateway is distinct from old.gateway and new.attempt_no = old.attempt_no',
      'or false',
    ],
  }),
  ...inFile(TRIGGERS, LATE, {
    'begins no attempt after a late charge': ['old.late_charge_ref is not null and new', 'false and new'],
  }),
]

const edit = (guard: string): Edit => {
  const found = ALONE.find((one) => one.guard === guard)?.edits[0]
  if (found === undefined) throw new Error(`no guard: ${guard}`)
  return found
}

/** All guards on one road to a second charge, removed at once: the oracle of two gateways has to find charges. */
const TOGETHER: readonly Mutant[] = [
  [
    'leaves after a first send only',
    'takes a refused repeat for no answer',
    'closes as NOT_SENT what one claim may have sent',
    'writes NOT_SENT of what was not sent',
    'begins after what was not sent',
  ],
].map((guards) => ({ guard: guards.join(' + '), edits: guards.map(edit), tests: [ORACLE] }))

export const MUTANTS: readonly Mutant[] = [...ALONE, ...TOGETHER]

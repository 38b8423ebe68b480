import { findFreePorts } from '@titan/servers'
import type { Stubs } from './shell.ts'

const SECRET = 'whsec_0123456789abcdef'

/** What a page does at Stripe, done at the simulator: Stripe's CLI, and a browser with a customer in front of it. */
export async function stripeStubs(): Promise<Stubs> {
  const [port] = await findFreePorts(1)
  const address = `http://127.0.0.1:${port}`
  return {
    variables: { STRIPE_API_BASE: address, STRIPE_SECRET_KEY: 'sk_test_docs' },
    programs: { stripe: cli(address, port ?? 0), 'xdg-open': BROWSER },
  }
}

function cli(address: string, port: number): string {
  return `#!/usr/bin/env bash
set -eo pipefail
[ -n "$STRIPE_API_KEY" ] || { echo 'stripe: not logged in' >&2; exit 1; }
case "$*" in
  'listen --print-secret') echo ${SECRET} ;;
  'listen '*)
    while [ "$1" != --forward-to ]; do shift; done
    node "$REPOSITORY/tools/gateway-simulator/src/cli.ts" --port ${port} --ledger "$HOME/ledger.jsonl" \\
      --webhook-url "$2" --webhook-secret ${SECRET} | sed -u 's/^titan-gateway-simulator listens.*/> Ready! …/' ;;
  'post '*) path=$2; shift 2; exec curl -sf "${address}$path" -u "$STRIPE_API_KEY:" "$@" ;;
  *) echo "stripe $*: not in a page" >&2; exit 97 ;;
esac
`
}

/** The customer says yes. */
const BROWSER = `#!/usr/bin/env bash
exec curl -sf -o /dev/null "$1" -d result=complete
`

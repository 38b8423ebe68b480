import { join } from 'node:path'
import { spawnGatewaySimulator, type GatewaySimulatorOptions } from '@titan/gateway-simulator'

interface Running {
  readonly port: number
  kill(): Promise<void>
  stop(): Promise<void>
}

/** Launches a server that can be killed and started again on its data, on any port. */
export async function launchRestartable<Server extends Running>(launch: () => Promise<Server>) {
  let server: Server | undefined = await launch()

  async function end(how: 'kill' | 'stop'): Promise<void> {
    const ending = server
    server = undefined
    await ending?.[how]()
  }

  return {
    current: () => server,
    /** Where it listens; undefined while it is down. */
    port: () => server?.port,
    /** Sends SIGKILL and waits until the server is gone. Does nothing while it is down. */
    kill: () => end('kill'),
    /** Stops it in good order. Does nothing while it is down. */
    stop: () => end('stop'),
    /** Starts it again. Does nothing while it is up. */
    async start() {
      server ??= await launch()
    },
  }
}

/** Starts a gateway simulator with its ledger in the folder, with which it continues. */
export async function startGatewayIn(
  folder: string,
  name: string,
  options: Omit<GatewaySimulatorOptions, 'ledgerPath'>,
) {
  const ledgerPath = join(folder, name === FIRST_GATEWAY ? 'ledger.jsonl' : `ledger-${name}.jsonl`)
  const gateway = await launchRestartable(async () => {
    const simulator = await spawnGatewaySimulator({ ...options, ledgerPath })
    const port = Number(new URL(simulator.url).port)
    return { simulator, port, kill: () => simulator.kill(), stop: () => simulator.close() }
  })
  /** Commands for the running simulator; undefined while it is down. */
  const simulator = () => gateway.current()?.simulator
  return { ...gateway, name, ledgerPath, simulator }
}

/** The names that payments are stored with. */
const FIRST_GATEWAY = 'stripe'
const SECOND_GATEWAY = 'second'

/** Starts one gateway, or two with different answers. */
export async function startGatewaysIn(
  folder: string,
  count: number,
  { seed, ...options }: Omit<GatewaySimulatorOptions, 'ledgerPath' | 'seed'> & { readonly seed: number },
) {
  const first = await startGatewayIn(folder, FIRST_GATEWAY, { ...options, seed })
  if (count === 1) return [first]
  return [first, await startGatewayIn(folder, SECOND_GATEWAY, { ...options, seed: seed + 1 })]
}
